from setuptools import find_packages, setup

setup(
    name="strata-nets",
    version="3.0.2",
    packages=find_packages(),
    install_requires=["numpy", "pyyaml", "tqdm"],
    extras_require={"torch": ["torch>=2.1"], "tensorflow": ["tensorflow>=2.15,<2.17"]},
    entry_points={"console_scripts": ["strata=strata.command:main"]},
)
