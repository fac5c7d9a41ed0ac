"""What each explorer must show: a module for each, named as the explorer with underscores.

    DOC                    the notebook it stands in
    setting(rng, data)     a random state, {control: value}, within the limits of the controls
    truth(state, data)     {label: number}: what must be read under each label, by the notebook's own functions
    DRAGS                  {handle: the controls that it moves}
    fact_*(explorer)       the surprises that the page tells, asked of the explorer itself
"""
import functools
import json

import torch

from conftest import definitions


def machine(data, doc, of):
    """The decoder that a record holds, its images, and what the notebook's function `of` makes of them.

    -> network, (cases, 64), and what of(images, decoder) gives; made once for each record."""
    return _machine(json.dumps([data["decoder"], [image["x"] for image in data["images"]]]), doc, of)


@functools.cache
def _machine(record, doc, of):
    (weights, images), book = json.loads(record), definitions(doc)
    decoder = book["network"](2, 128, 64)
    decoder.load_state_dict({name: torch.tensor(value) for name, value in weights.items()})
    x = torch.tensor(images, dtype=torch.float64)
    return decoder, x, book[of](x, decoder)
