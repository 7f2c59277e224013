"""The base of an image by its layers alone: named once another scan, or a study, saw it."""


def test_a_base_seen_before_is_named_with_its_digests(scan, serve, registry, put_image, tar, packed) -> None:
    base, own = packed(tar({"etc/a": b"a"})), packed(tar({"app/b": b"b"}))
    put_image("base", base)
    put_image("child", base, own)
    server = serve(registry)
    scan.allow(server)
    name = f"{server.host}/ml/image"
    (before,) = scan(f"{name}:child")["images"]
    assert before["base"] is None
    scan(f"{name}:base")
    (found,) = scan(f"{name}:child")["images"]
    assert [one["name"] for one in found["base"]["images"]] == [f"{name}:base"]
    assert (found["base"]["layers"], len(found["base"]["digests"])) == (1, 1)
    text = scan.run(f"{name}:child", "--format", "markdown").stdout
    assert "lowest layers are those of" in text
    # The child is above its base, never below.
    assert scan(f"{name}:base")["images"][0]["base"] is None
