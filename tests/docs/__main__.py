"""`python -m tests.docs`: write the generated parts of the reference pages."""

from tests.docs import ROOT
from tests.docs.generated import GENERATED

for path, render in GENERATED.items():
    text = render()
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
