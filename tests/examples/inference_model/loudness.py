import torch

from serbench.baselines.registry import model


class Loudness(torch.nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.register_buffer("levels", torch.linspace(-3, 0, n_classes))

    def forward(self, x, lengths):  # (B, N) -> scores (B, C)
        valid = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        power = (x * valid).square().sum(1) / lengths
        return -(power.clamp(min=1e-6).log10()[:, None] / 2 - self.levels).square()


@model(kind="inference")
def loudness(settings, task):
    """Louder is later in the list of classes; nothing is trained."""
    return Loudness(len(task.classes))
