"""The house rules that a program can judge. Each rule takes a path and a text and yields
(line, complaint) pairs, so that rules_test.py can feed it by hand."""

import re

# What each folder may include besides itself (ARCHITECTURE.md). A folder inherits what the
# folders it names may include, so the table states the order and nothing twice.
ORDER = {
    "common/base": [],
    "common/runtime": ["common/base"],
    "common/scsi": ["common/base"],
    "common/iscsi": ["common/scsi", "common/runtime"],
    "target/config": ["common/iscsi"],
    "target/store": ["common/runtime", "common/scsi"],
    "target/lun": ["target/store", "target/config"],
    "target/session": ["target/lun"],
    "target/portal": ["target/session"],
    "target/admin": ["target/portal"],
    "target/holdfastadm": ["target/admin"],
    "target": ["target/admin"],
    "initiator/device": ["common/iscsi"],
    "initiator/device/native": ["initiator/device"],
    "initiator/engine": ["initiator/device/native"],
    "initiator/tree": ["initiator/device"],
    "initiator/watch": ["initiator/tree"],
    "initiator/fault": ["common/iscsi"],
    "initiator/verdict": ["initiator/watch"],
    "initiator/report": ["initiator/verdict"],
    "initiator/workload": ["initiator/report"],
    "initiator/servers": ["common/runtime"],
    "initiator/cli": ["initiator/engine", "initiator/workload", "initiator/fault", "initiator/servers"],
    "initiator": ["initiator/cli"],
}

LINES_MAX = 600


def reachable(folder):
    """Every folder that `folder` may include."""
    found = {folder}
    for below in ORDER[folder]:
        found |= reachable(below)
    return found


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def blanked(text):
    """C++ with comments, literals and preprocessor lines replaced by spaces: offsets stay."""
    pattern = re.compile(
        r'//(?:\\\n|[^\n])*|/\*.*?\*/|R"([^()\s\\]*)\(.*?\)\1"'
        r'|"(?:\\.|[^"\\\n])*"|\'(?<![0-9a-fA-F]\')(?:\\.|[^\'\\\n])+\''
        r'|^[ \t]*#(?:\\\n|[^\n])*',
        re.S | re.M)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def include_order(path, text):
    folder = path.rsplit("/", 1)[0]
    if folder not in ORDER:
        return
    allowed = reachable(folder)
    for match in re.finditer(r'^\s*#\s*include\s+"([^"]+)"', text, re.M):
        included = match.group(1)
        if "/" not in included:
            yield line_of(text, match.start()), f'"{included}" is not named from the root'
        elif included.rsplit("/", 1)[0] not in allowed:
            yield (line_of(text, match.start(1)),
                   f"{folder} must not include {included.rsplit('/', 1)[0]}")


def two_ends(path, text):
    ends = {"initiator": "target", "target": "initiator"}
    other = ends.get(path.split("/")[0])
    if other is None:
        return
    for match in re.finditer(rf'^\s*#\s*include\s+"{other}/', text, re.M):
        yield line_of(text, match.start()), f"{path.split('/')[0]}/ must not include {other}/"


def one_seam_to_the_kernel(path, text):
    if "common/runtime/" in path:
        return
    for match in re.finditer(r"\bio_uring_", blanked(text)):
        yield line_of(text, match.start()), "only common/runtime says io_uring_"


def nothing_left_for_later(path, text):
    for match in re.finditer(r"\b(TODO|FIXME|XXX|HACK)\b", text):
        yield line_of(text, match.start()), f"{match.group()} left behind"


def fits_in_one_sitting(path, text):
    lines = text.count("\n")
    if lines > LINES_MAX:
        yield lines, f"{lines} lines; {LINES_MAX} are the most, and 300 the aim"


def statement_around(code, at):
    """What stands before and after the co_await at offset `at`, within its statement. The third
    value names what makes the statement one that cannot be split there, or is empty."""
    depth, begin = 0, at
    while begin > 0:
        char = code[begin - 1]
        if char in ")]":
            depth += 1
        elif char in "([":
            if depth == 0:
                return "", "", "inside parentheses or brackets"
            depth -= 1
        elif depth == 0 and char in ";{}":
            break
        begin -= 1
    end = at
    while end < len(code) and code[end] != ";":
        if code[end] in "{}":
            return "", "", "with braces in its statement"
        end += 1
    return code[begin:at], code[at + len("co_await"):end], ""


def without_controls(before):
    """`while (…) x = ` becomes `x = `: a statement may be the body of a control statement."""
    while True:
        before = before.strip()
        label = re.match(r"(?:case\b[^:]*(?:::[^:]*)*|default\s*):(?!:)", before)
        word = re.match(r"(?:else|do)\b", before)
        control = re.match(r"(?:if\s+constexpr|if|while|for)\s*\(", before)
        if label or word:
            before = before[(label or word).end():]
        elif control:
            depth, at = 1, control.end()
            while depth > 0 and at < len(before):
                depth += {"(": 1, ")": -1}.get(before[at], 0)
                at += 1
            before = before[at:]
        else:
            return before


def co_await_stands_alone(path, text):
    """g++ 12.2 compiles every other form wrongly: temporaries are destroyed twice, or the body
    never runs (common/runtime/task.h)."""
    code = blanked(text)
    for match in re.finditer(r"\bco_await\b", code):
        if re.search(r"\boperator\s*$", code[:match.start()]):
            continue
        before, operand, trouble = statement_around(code, match.start())
        before = without_controls(before)
        if not trouble and "co_await" in before + operand:
            trouble = "twice in one statement"
        if not trouble and re.search(r"\?|&&|\|\|", before.replace("auto&&", "") + operand):
            trouble = "in a conditional or short-circuit expression"
        if not trouble and before and not re.search(r"(?<![=!<>])=$", before):
            trouble = f"after `{' '.join(before.split())}`"
        if trouble:
            yield (line_of(code, match.start()),
                   f"co_await {trouble}; await into a named local, alone in its statement")


LAMBDA = re.compile(
    r"\[([^\[\]]*)\]\s*(?:\((?:[^()]|\([^()]*\))*\))?\s*(?:mutable|noexcept|\s)*"
    r"(?:->\s*[\w:<>,&*\s]+)?$")


def coroutines_are_named_functions(path, text):
    """The captures of a lambda coroutine die with the lambda, not with the coroutine."""
    code = blanked(text)
    open_braces = []
    for match in re.finditer(r"[{}]|\bco_(?:await|return|yield)\b", code):
        if match.group() == "{":
            head = LAMBDA.search(code[max(0, match.start() - 400):match.start()])
            open_braces.append(head.group(1).strip() if head else None)
        elif match.group() == "}":
            if open_braces:
                open_braces.pop()
        elif any(open_braces):
            yield (line_of(code, match.start()),
                   "a capturing lambda is a coroutine; make it a named function")


CPP_RULES = [include_order, two_ends, one_seam_to_the_kernel, co_await_stands_alone,
             coroutines_are_named_functions]
EVERY_RULES = [nothing_left_for_later, fits_in_one_sitting]
