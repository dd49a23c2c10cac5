"""The syntax of a template: blocks and actions. `expressions` parses what is inside an action."""

from collections.abc import Container

from newel.gotemplate.errors import ParseError
from newel.gotemplate.expressions import ActionParser, UnparsableError
from newel.gotemplate.lexer import Kind, Token
from newel.gotemplate.literals import quote, unquote
from newel.gotemplate.nodes import (
    ActionNode,
    Block,
    BranchNode,
    LoopControlNode,
    Statement,
    TemplateNode,
    TextNode,
    Tree,
    is_empty,
)

MAX_NESTING = 60
LONGEST = 1 << 20


def parse(name: str, text: str, functions: Container[str]) -> Tree:
    """Return the tree of a template whose functions have these names.

    Raises ParseError, in Go's words.
    """
    if len(text) > LONGEST:
        raise ParseError(f"template: {name}: longer than {LONGEST} characters")
    parser = Parser(Tree(name, text), functions)
    try:
        parser.top()
    except UnparsableError as error:
        raise ParseError(f"template: {name}:{parser.furthest.line}: {error}") from None
    return parser.tree


class End:
    """The ``{{end}}`` or ``{{else}}`` at which a block stops."""

    def __init__(self, keyword: str) -> None:
        self.keyword = keyword

    def __str__(self) -> str:
        return f"{{{{{self.keyword}}}}}"


class Parser(ActionParser):
    """A parser of blocks; ``tree`` fills as definitions end."""

    def __init__(self, tree: Tree, functions: Container[str]) -> None:
        super().__init__(tree.name, tree.text, functions)
        self.tree = tree
        self.nesting = 0
        self.loops = 0

    def top(self) -> None:
        """Parse the whole text; templates are defined at this level only."""
        block: list[Statement] = []
        while self.peek().kind is not Kind.EOF:
            if self.peek().kind is Kind.LEFT:
                opening = self.next()
                word = self.next_word()
                if (word.kind, word.value) == (Kind.KEYWORD, "define"):
                    self.definition()
                    continue
                self.back(opening, word)
            found = self.statement()
            if isinstance(found, End):
                raise UnparsableError(f"unexpected {found}")
            block.append(found)
        self.define(self.tree.name, block)

    def define(self, name: str, block: Block) -> None:
        """Name a block; only one block of a name may have content."""
        known = self.tree.templates.get(name)
        if known is None or is_empty(known):
            self.tree.templates[name] = block
        elif not is_empty(block):
            raise UnparsableError(f"template: multiple definition of template {quote(name)}")

    def definition(self) -> None:
        """Parse ``"name"}} … {{end}}``, which has variables and loops of its own."""
        name = self.literal_name(self.next_word(), "define clause")
        self.expect(Kind.RIGHT, "define clause")
        self.define(name, self.own_block("define clause"))

    def own_block(self, context: str) -> Block:
        """Parse a block that sees none of the variables around it."""
        variables, loops = self.variables, self.loops
        self.variables, self.loops = ["$"], 0
        block, end = self.block()
        if end.keyword != "end":
            raise UnparsableError(f"unexpected {end} in {context}")
        self.variables, self.loops = variables, loops
        return block

    def block(self) -> tuple[Block, End]:
        """Parse statements up to ``{{end}}`` or ``{{else}}``."""
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise UnparsableError("max nesting depth exceeded")
        found: list[Statement] = []
        while self.peek_word().kind is not Kind.EOF:
            each = self.statement()
            if isinstance(each, End):
                self.nesting -= 1
                return found, each
            found.append(each)
        raise UnparsableError("unexpected EOF")

    def statement(self) -> Statement | End:
        """Parse text or an action."""
        token = self.next_word()
        if token.kind is Kind.TEXT:
            return TextNode(token.place, token.value)
        if token.kind is not Kind.LEFT:
            self.reject(token, "input")
        self.action_line = token.line
        found = self.action()
        self.action_line = 0
        return found

    def action(self) -> Statement | End:
        """Parse what follows ``{{``."""
        token = self.next_word()
        word = token.value if token.kind is Kind.KEYWORD else ""
        if word in {"if", "with", "range"}:
            return self.branch(word)
        if word == "end":
            self.expect(Kind.RIGHT, "end")
            return End("end")
        if word == "else":
            return self.otherwise()
        if word in {"break", "continue"}:
            return self.jump(token)
        if word in {"template", "block"}:
            return self.invocation(word)
        self.back(token)
        return ActionNode(token.place, self.pipeline("command", Kind.RIGHT))

    def otherwise(self) -> End:
        """Parse ``else``; a following ``if`` or ``with`` is left to the caller."""
        token = self.peek_word()
        if token.kind is not Kind.KEYWORD or token.value not in {"if", "with"}:
            self.expect(Kind.RIGHT, "else")
        return End("else")

    def jump(self, token: Token) -> LoopControlNode:
        """Parse ``break`` or ``continue``, which is valid within a loop."""
        written = f"{{{{{token.value}}}}}"
        after = self.next_word()
        if after.kind is not Kind.RIGHT:
            self.reject(after, written)
        if not self.loops:
            raise UnparsableError(f"{written} outside {{{{range}}}}")
        return LoopControlNode(token.place, token.value)

    def branch(self, keyword: str) -> BranchNode:
        """Parse the pipeline and blocks of ``if``, ``with`` or ``range``; its variables end with it."""
        mark = len(self.variables)
        pipe = self.pipeline(keyword, Kind.RIGHT)
        self.loops += keyword == "range"
        body, end = self.block()
        self.loops -= keyword == "range"
        otherwise: Block | None = None
        if end.keyword == "else":
            follower = self.peek()
            if keyword != "range" and (follower.kind, follower.value) == (Kind.KEYWORD, keyword):
                self.next()
                otherwise = [self.else_branch(keyword)]
            else:
                otherwise, end = self.block()
                if end.keyword != "end":
                    raise UnparsableError(f"expected end; found {end}")
        del self.variables[mark:]
        return BranchNode(pipe.place, keyword, pipe, body, otherwise)

    def else_branch(self, keyword: str) -> BranchNode:
        """Parse ``else if``: a branch within the branch, closed by the same ``end``."""
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise UnparsableError("max nesting depth exceeded")
        found = self.branch(keyword)
        self.nesting -= 1
        return found

    def invocation(self, keyword: str) -> TemplateNode:
        """Parse ``template``, or ``block``, which also defines it."""
        context = f"{keyword} clause"
        token = self.next_word()
        name = self.literal_name(token, context)
        if keyword == "template":
            after = self.next_word()
            if after.kind is Kind.RIGHT:
                return TemplateNode(token.place, name, None)
            self.back(after)
        pipe = self.pipeline(context, Kind.RIGHT)
        if keyword == "block":
            self.define(name, self.own_block(context))
        return TemplateNode(token.place, name, pipe)

    def literal_name(self, token: Token, context: str) -> str:
        """Return the name of a template, which has to be a string constant."""
        if token.kind is not Kind.STRING:
            self.reject(token, context)
        try:
            return unquote(token.value)
        except ValueError as error:
            raise UnparsableError(str(error)) from None
