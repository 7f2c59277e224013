"""Images from registries, directories and archives behind one small interface (``interface.ImageSource``).

``opening`` chooses the implementation, ``reading`` walks from an image's name to manifests and
configurations. Archives are read in place, with seeks; nothing is unpacked.
"""
