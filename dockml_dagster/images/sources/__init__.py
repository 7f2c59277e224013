"""Images from registries, directories and archives behind one small interface (``interface.ImageSource``).

Here: choosing the implementation (``opening``), and walking from an image's name to manifests and configurations
(``reading``). Archives are read in place, with seeks; nothing is unpacked. Not here: the content of layers
(``images.scanning``).
"""
