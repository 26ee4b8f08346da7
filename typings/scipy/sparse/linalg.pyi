from typing import Any

from numpy.typing import NDArray
from scipy.sparse import csr_array

def svds(A: csr_array, *, k: int, v0: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]: ...
