FROM gitpod/workspace-full:2024-06-24-08-46-07
RUN pyenv install 3.11.9 && pyenv global 3.11.9
RUN bash -c ". .nvm/nvm.sh && nvm install 20 && npm install -g webpack-cli"
RUN pip install jupyterlab hatch
