"""An exponential moving average of a network's weights: steadier than the last step's, and what is exported."""
import copy

import torch


class Average:
    """Averages weights and batch-norm statistics; `model` is the averaged network, in evaluation mode."""

    def __init__(self, model, decay) -> None:
        self.model, self.decay = copy.deepcopy(model).eval(), decay

    def update(self, model, step) -> None:
        """Step 0 is the first. Early steps weigh more, so that the random start is soon forgotten."""
        keep = min(self.decay, (step + 1) / (step + 10))
        with torch.no_grad():
            for mine, new in zip(self.model.state_dict().values(), model.state_dict().values()):
                if mine.dtype.is_floating_point:
                    mine.mul_(keep).add_(new, alpha=1 - keep)
                else:
                    mine.copy_(new)
