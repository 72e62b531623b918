"""The figures of the structure count what they say."""

from pathlib import Path

import pytest

from tests.docs.architecture_figures import figures, upward_arrows


@pytest.mark.parametrize(
    ("graph", "upward"),
    [
        ({"a": {"b", "c"}, "b": {"c"}, "c": set()}, 0),
        ({"a": {"b"}, "b": {"a"}}, 1),
        ({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"e"}, "e": {"d"}}, 2),
    ],
)
def test_an_arrow_upward_is_one_that_no_order_avoids(graph: dict[str, set[str]], upward: int) -> None:
    assert upward_arrows(graph) == upward


def test_an_import_of_a_module_is_an_arrow_between_units(tmp_path: Path) -> None:
    files = {
        "lambda_function.py": "from extractor.worker import work\n",
        "run_sqs_batches.py": "",
        "extractor/__init__.py": "",
        "extractor/worker.py": "from extractor.media import decode\nimport json\n",
        "extractor/media/__init__.py": "",
        "extractor/media/decode.py": "from extractor.media import index\n",
        "extractor/media/index.py": "from extractor import worker\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = figures(tmp_path)
    assert found["modules and packages in the root of `extractor/`"] == 3
    assert found["modules"] == 3
    assert found["units"] == 4
    assert found["arrows between units"] == 3
    assert found["arrows upward"] == 1
