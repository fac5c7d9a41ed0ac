"""What each explorer must show: a module for each, named as the explorer with underscores.

    DOC                    the notebook it stands in
    setting(rng, data)     a random state, {control: value}, within the limits of the controls
    truth(state, data)     {label: number}: what must be read under each label, by the notebook's own functions
    DRAGS                  {handle: the controls that it moves}
    fact_*(explorer)       the surprises that the page tells, asked of the explorer itself
"""
