import torch

from mapsto.image.targets import FLAWS, flaws

SKY = torch.full((2, 3, 64, 64), 0.6)


def test_a_flat_sky_painted_flat_has_no_flaws() -> None:
    found = flaws(0.5 * SKY, SKY)
    assert found.keys() == FLAWS.keys()
    assert all(value == 0 for value in found.values())


def test_every_flaw_is_charged_under_its_own_name() -> None:
    weave = SKY + 0.1 * torch.cos(torch.arange(64) * torch.pi / 2)  # every 4 pixels
    spot = SKY.clone()
    spot[:, 0, 16:32, 16:32] += 0.3
    found = {
        "lattice": flaws(weave, SKY),
        "blotches": flaws(spot, SKY),
        "range": flaws(SKY + 1, SKY),
        "variation": flaws(weave, SKY),
    }
    clean = flaws(SKY, SKY)
    for name, terms in found.items():
        assert terms[name] > 10 * clean[name] + 1e-4, name
    assert found["lattice"]["blotches"] < 1e-6
    assert found["blotches"]["range"] == 0


def test_one_woven_picture_among_many_strong_ones_is_noticed() -> None:
    noise = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    weave = SKY[:1] + 0.02 * torch.cos(torch.arange(64) * torch.pi / 2)
    both = torch.cat([noise, weave])
    assert flaws(both, SKY)["lattice"] > 0.4 * flaws(weave, SKY[:1])["lattice"]


def test_patch_by_patch_a_faint_weave_beside_noise_counts_in_full() -> None:
    noise = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    weave = SKY[:1] + 0.02 * torch.cos(torch.arange(64) * torch.pi / 2)
    beside = flaws(torch.cat([noise, weave], 3), torch.cat([noise, SKY[:1]], 3), by_patch=True)["lattice"]
    assert beside > 0.4 * flaws(weave, SKY[:1], by_patch=True)["lattice"] > 1
