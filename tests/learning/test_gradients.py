import pytest
import torch
from torch import Tensor, nn

from mapsto.learning import gradients
from mapsto.learning.gradients import SharedGradients


class Work:
    def wait(self) -> None:
        pass


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """What is sent, in order; the other process always has twice the same."""
    messages: list[Tensor] = []

    def all_reduce(buffer: Tensor, async_op: bool) -> Work:
        assert async_op
        messages.append(buffer.clone())
        buffer.mul_(3)
        return Work()

    monkeypatch.setattr(gradients.dist, "all_reduce", all_reduce)
    return messages


def network() -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def loss(net: nn.Module, seed: int = 0) -> Tensor:
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    return net(x).square().sum()


def test_gradients_are_the_sum_over_all_processes(sent: list[Tensor]) -> None:
    ours, plain = network(), network()
    shared = SharedGradients(ours.parameters())
    shared.expect()
    loss(ours).backward()  # type: ignore[no-untyped-call]
    shared.gather()
    loss(plain).backward()  # type: ignore[no-untyped-call]
    for mine, alone in zip(ours.parameters(), plain.parameters(), strict=True):
        assert mine.grad is not None
        assert alone.grad is not None
        assert torch.equal(mine.grad, 3 * alone.grad)
        assert mine.grad.stride() == mine.stride()  # fused optimisers walk through both alike


def test_only_the_last_of_several_pieces_is_sent(sent: list[Tensor]) -> None:
    ours, plain = network(), network()
    shared = SharedGradients(ours.parameters())
    for net in (ours, plain):
        loss(net, 1).backward()  # type: ignore[no-untyped-call]
    assert not sent
    shared.expect()
    loss(ours, 2).backward()  # type: ignore[no-untyped-call]
    loss(plain, 2).backward()  # type: ignore[no-untyped-call]
    shared.gather()
    assert torch.equal(ours[0].weight.grad, 3 * plain[0].weight.grad)


def test_parts_leave_in_one_order_whichever_gradient_comes_first(sent: list[Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "PART_BYTES", 1)
    a, b = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3))
    shared = SharedGradients([a, b])
    shared.expect()
    a.sum().backward()  # type: ignore[no-untyped-call]
    assert not sent  # the last parameter goes first, and has not come yet
    b.sum().backward()  # type: ignore[no-untyped-call]
    shared.gather()
    assert [len(message) for message in sent] == [3, 2]


def test_a_parameter_that_nobody_used_has_no_gradient_and_the_next_step_is_clean(sent: list[Tensor]) -> None:
    used, unused = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    shared = SharedGradients([used, unused])
    for parameters in ([used, unused], [used]):
        used.grad = unused.grad = None
        shared.expect()
        torch.stack([p.sum() for p in parameters]).sum().backward()  # type: ignore[no-untyped-call]
        shared.gather()
    assert unused.grad is None
    assert torch.equal(sent[-1], torch.tensor([0.0, 0.0, 1.0, 1.0]))


def test_closed_it_leaves_gradients_alone(sent: list[Tensor]) -> None:
    net = network()
    shared = SharedGradients(net.parameters())
    shared.expect()
    shared.close()
    loss(net).backward()  # type: ignore[no-untyped-call]
    assert not sent
