netwright --version
