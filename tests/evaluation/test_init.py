"""The package re-exports its public names."""

import distill.evaluation


def test_every_public_name_is_there():
    assert all(hasattr(distill.evaluation, name) for name in distill.evaluation.__all__)
    assert distill.evaluation.__all__ == sorted(distill.evaluation.__all__)
