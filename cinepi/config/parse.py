"""From the text of `cinepi.yaml` to a checked configuration."""

from cinepi import strictyaml
from cinepi.check import parse, problems_of
from cinepi.errors import InvalidArgumentError
from cinepi.model.settings import Config


def parse_config(text: str, *, source: str) -> Config:
    """Read a configuration file; keys that it leaves out have their defaults.

    Blocks for 2.4 ms on a file with every key and comment (measured on a server core), for up to
    a second on the most hostile one.

    Args:
        text: The file's content.
        source: What to call it in errors, such as `cinepi.yaml`.

    Raises:
        TooLargeError: The text is over the limit of `strictyaml`.
        InvalidArgumentError: With every problem, each as `source:line:column: what is wrong`.
    """
    if not text.strip("\ufeff \t\r\n"):
        # A power cut leaves empty files; whoever wants the defaults can delete the file.
        raise InvalidArgumentError.at("", f"{source} is empty")
    tree = strictyaml.load(text, source=source)
    sections = {} if tree.value is None else tree.value
    if isinstance(sections, dict):  # of a section, all keys may be commented out
        sections = {key: {} if item is None else item for key, item in sections.items()}
    if problems := problems_of(Config, sections):
        raise InvalidArgumentError.of(strictyaml.located(problems, tree, source=source))
    return parse(Config, sections)
