"""`python -m tests.docs`: write what is generated in reference pages, `.env.example` and the template."""

from tests.docs import ROOT
from tests.docs.generated import GENERATED

for path, render in GENERATED.items():
    text = render()
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
