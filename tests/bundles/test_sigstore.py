from tests.sigstore_instance import serve
def test_x():
    import tests; print(tests)
    assert serve
