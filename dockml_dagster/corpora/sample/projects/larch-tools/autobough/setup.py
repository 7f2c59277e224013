from setuptools import Extension, find_packages, setup

setup(
    name="autobough",
    version="1.9.0",
    packages=find_packages(),
    python_requires=">=3.9",
    install_requires=["numpy", "pandas>=1.5", "scikit-learn>=1.3"],
    extras_require={"dev": ["pytest", "pytest-cov", "ruff", "mypy"]},
    ext_modules=[Extension("autobough._split", ["autobough/_split.c"])],
    entry_points={"console_scripts": ["autobough=autobough.command:main"]},
)
