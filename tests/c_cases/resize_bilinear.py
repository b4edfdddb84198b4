from c_cases import resize_nearest_neighbor
from c_models import Case


def random_case(rng) -> Case:
    return resize_nearest_neighbor.random_case(rng, "RESIZE_BILINEAR")
