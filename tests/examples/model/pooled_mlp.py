import torch

from serbench.baselines.registry import model


class PooledMLP(torch.nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        layers = torch.nn.LayerNorm(257), torch.nn.Linear(257, 64), torch.nn.ReLU(), torch.nn.Linear(64, n_classes)
        self.layers = torch.nn.Sequential(*layers)

    def front(self, waveforms, lengths):  # (B, N) -> (B, T, 257), computed once per clip; optional
        frames = waveforms.unfold(1, 512, 256) * torch.hann_window(512, device=waveforms.device)
        return torch.fft.rfft(frames).abs().clamp(min=1e-4).log(), (lengths - 512) // 256 + 1

    def forward(self, x, lengths):  # (B, T, 257) -> scores (B, C); what lies beyond `lengths` is padding
        valid = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        return self.layers((x * valid[..., None]).sum(1) / lengths[:, None])


@model(min_seconds=0.032)
def pooled_mlp(settings, task):
    """The mean log spectrum of a clip, and two dense layers."""
    return PooledMLP(len(task.classes))
