c = get_config()  # noqa: F821
c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
c.DockerSpawner.image = "quay.io/quietcircuit/labelkit-notebook:0.12.4"
c.JupyterHub.authenticator_class = "native"
c.Authenticator.admin_users = {"teacher"}
c.JupyterHub.load_roles = [
    {"name": "see-all-labels", "groups": ["teachers"], "scopes": ["access:servers"]},
    {"name": "own-labels", "groups": ["students"], "scopes": ["self"]},
]
