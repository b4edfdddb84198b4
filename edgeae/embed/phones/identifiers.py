"""Names that an app's language takes."""

import re

from edgeae.errors import BadInput

#: What cannot be a part of a package's name in Java or Kotlin: the words that either reserves.
#: https://docs.oracle.com/javase/specs/jls/se17/html/jls-3.html#jls-3.9,
#: https://kotlinlang.org/docs/keyword-reference.html#hard-keywords
_JVM = """
abstract as assert boolean break byte case catch char class const continue default do double else
enum extends false final finally float for fun goto if implements import in instanceof int interface
is long native new null object package private protected public return short static strictfp super
switch synchronized this throw throws transient true try typealias typeof val var void volatile when
while
"""
#: The words that Swift reserves, see "Keywords and Punctuation" in The Swift Programming Language.
_SWIFT = """
Any Self Type Protocol as associatedtype await break case catch class continue default defer deinit
do else enum extension fallthrough false fileprivate for func guard if import in init inout internal
is let nil operator private precedencegroup protocol public repeat rethrows return self static
struct subscript super switch throw throws true try typealias var where while
"""
_WORDS = {"Java and Kotlin": _JVM.split(), "Swift": _SWIFT.split()}
_LETTERS = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def checked(name: str, language: str) -> str:
    """Return a model's name that a language takes as an identifier.

    Args:
        name: the name.
        language: a key of the tables of reserved words.

    Raises:
        BadInput: it is none, or a word that the language reserves.
    """
    if not _LETTERS.fullmatch(name):
        raise BadInput(
            f"--name {name!r:.60}: allowed are names of {language}: a letter, then letters, digits "
            "and _"
        )
    if name in _WORDS[language]:
        raise BadInput(f"--name {name!r}: a reserved word in {language}; allowed are other names")
    return name
