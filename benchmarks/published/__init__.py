"""The published tables: what each consists of, and what was measured so far."""

from . import (
    few_pictures,
    hundred_labels,
    infogan,
    known_densities,
    mnist_recipes,
    mode_coverage,
    objectives,
    pictures,
    projected_parts,
    small_data,
    stacked_mnist,
    table1,
)
from .declaration import Table

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        mnist_recipes.TABLE,
        table1.TABLE,
        mode_coverage.TABLE,
        known_densities.TABLE,
        hundred_labels.TABLE,
        infogan.TABLE,
        stacked_mnist.TABLE,
        objectives.RATES_TABLE,
        objectives.TABLE,
        small_data.TABLE,
        *pictures.TABLES,
        *projected_parts.TABLES,
        *few_pictures.TABLES,
    )
}
