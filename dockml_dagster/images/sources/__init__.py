"""Images from registries, directories and archives behind one small interface (``interface.ImageSource``).

``opening`` chooses the implementation, ``reading`` walks an image from its name to manifests and
configurations. Archives are read where they lie, with seeks; nothing is unpacked.
"""
