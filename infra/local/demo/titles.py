"""Titles for invented movies; must not know anything else about a movie."""

from collections.abc import Iterator

import numpy as np

_QUALITIES = (
    *("Silent", "Crimson", "Last", "Hidden", "Golden", "Broken", "Distant", "Electric", "Forgotten", "Burning"),
    *("Winter", "Midnight", "Hollow", "Paper", "Iron", "Velvet", "Second", "Restless", "Northern", "Stolen"),
    *("Quiet", "Savage", "Tender", "Glass", "Endless", "Secret", "Wandering", "Scarlet", "Lonely", "Perfect"),
)
_THINGS = (
    *("Harbor", "Garden", "Letter", "Horizon", "Orchard", "Witness", "Kingdom", "Station", "Mirror", "Summer"),
    *("Lighthouse", "Promise", "Stranger", "River", "Detective", "Empire", "Waltz", "Machine", "Voyage", "Heart"),
    *("Circus", "Mountain", "Inheritance", "Sparrow", "Conspiracy", "Carnival", "Frontier", "Daughter", "Alibi"),
    *("Planet", "Bakery", "Shadow", "Reunion", "Signal", "Orchestra", "Neighbor", "Treasure", "Island", "Verdict"),
)
_PLACES = (
    *("Lisbon", "the Valley", "Mars", "Vienna", "the North", "Havana", "Tomorrow", "Brooklyn", "the Abyss"),
    *("Marseille", "Nowhere", "the Desert", "Kyoto", "the Stars", "Dublin", "Eden", "the Rain", "Montana"),
)


def titles(rng: np.random.Generator) -> Iterator[str]:
    """Over 20,000 different ones in random order, such as `The Silent Harbor` or `Waltz of Vienna`."""
    patterns = [
        *(f"The {quality} {thing}" for quality in _QUALITIES for thing in _THINGS),
        *(f"{quality} {thing}" for quality in _QUALITIES for thing in _THINGS),
        *(f"{thing} of {place}" for thing in _THINGS for place in _PLACES),
        *(f"A {thing} in {place}" for thing in _THINGS for place in _PLACES if thing[0] not in "AEIO"),
        *(f"{quality} {thing} of {place}" for quality in _QUALITIES for thing in _THINGS for place in _PLACES),
    ]
    order: list[int] = rng.permutation(len(patterns)).tolist()
    return (patterns[index] for index in order)
