"""Texts that are no control, for test_expressions.py: each is to be refused with a text."""

from __future__ import annotations

from ffsearch.search.data.files.expressions import MAX_LENGTH

__all__ = ["HOSTILE"]

HOSTILE = [
    # Python
    "__import__('os').system('ls')", "__import__", "x1.__class__", "x1.__class__.__mro__[1]", "().__class__",
    "[].append(1)", "{}", "{'a': 1}", "[x1]", "[x1, x2]", "[x for x in x1]", "(x for x in x1)", "x1[0]", "x1[::]",
    "x1[...]", "lambda: 1", "lambda x1: x1", "f'{x1}'", 'f"{x1}"', "'x1'", '"x1"', "b'x1'", "r'x1'", "'''x1'''",
    "eval('x1')", "exec('x1')", "compile('1', '', 'eval')", "open('/etc/passwd')", "globals()", "locals()", "vars()",
    "dir()", "getattr(x1, 'a')", "setattr(x1, 'a', 1)", "type(x1)", "print(x1)", "input()", "exit()", "quit()",
    "breakpoint()", "help()", "id(x1)", "object()", "super()", "int(x1)", "float(x1)", "str(x1)", "complex(x1)", "1j",
    "1+2j", "x1 if x2 else 3", "x1 := 3", "x1 = 3", "(x1 := 3)", "x1; x2", "x1\nimport os", "import os",
    "from os import *", "def f(): 1", "class A: pass", "yield x1", "await x1", "return x1", "del x1", "pass",
    "raise x1", "assert x1", "global x1", "while 1: x1", "for x in x1: x", "try: x1", "with x1: x2", "@x1", "x1 @ x2",
    "~x1", "x1 & x2", "x1 | x2", "x1 ^ x2", "x1 << 2", "x1 >> 2", "x1 // 2", "x1 % 2", "not x1", "x1 and x2",
    "x1 or x2", "x1 in x2", "x1 is x2", "x1 is not x2", "None", "True", "False", "...", "*x1", "**x1", "sin(*x1)",
    "sin(**x1)", "sin(x=x1)", "sin(x1)(x2)", "np.sin(x1)", "numpy.sin(x1)", "math.pi", "os.system('ls')", "x1.real",
    "x1.T", "x1.dtype", "0x10", "0b1", "0o7", "1_000", "1e", "1e+", "1..2", "1.2.3", ".", "..", "inf", "nan",
    "infinity", "e", "-inf", "1e999", "9**9**9", "2**10000", "10**10**10", "exp(1000)", "exp(exp(exp(exp(9))))",
    "1" * 400, "1" * MAX_LENGTH,
    # other languages
    "x1 ** ** 2", "x1 ! x2", "x1!", "x1 <> x2", "x1 === x2", "x1 => x2", "x1 =< x2", "x1 && x2", "x1 || x2",
    "x1 ? x2 : x3", "$x1", "${x1}", "$(ls)", "`ls`", "x1 | sh", "x1 > /dev/null; ls", "#{x1}", "{{x1}}", "{% x1 %}",
    "<script>", "' OR 1=1 --", "x1 -- x2 ;", "SELECT 1", "x1 /* x2 */", "x1 # x2", "x1 // x2", "\\x1", "\\u0078",
    "%s", "%n%n", "x{1}", "x_1", "x[1]", "x(1)", "x1'", "3 x1", "3x1", "x1x2", "x1 x2", "2(x1)", "(x1)(x2)", "x1(x2)",
    "sin x1", "sin", "sin()", "sin(x1, x2)", "sin(,)", "sin(x1,)", "min(x1)", "max()", "mod(x1)", "where(x1)",
    "where(x1, x2)", "where(x1, x2, x3, x4)", "noise()", "noise(1, 2)", "class", "class()",
    "class(class(x1))", "1 + class(x1)", "class(x1) + 1", "class(x1", "0 < x1 < 1", "x1 < x2 == x3", "log(0 * x1)",
    "sqrt(-1 - x1**2)", "1/(x1 - x1)", "mod(x1, 0)", "(-2)**.5", "tan(x1)/0", "0/0", "1e300*1e300*x1", "1e300*x1",
    "noise(1e300)", "class(x1)", "class(x1 + 1e40)", "x0", "x01", "x-1x", "x1000000", "x" + "9" * 1000, "X1 + 1",
    "SIN(x1)", "Pi*x1", "x", "y", "x1y",
    # signs that look like others, or are not seen
    "х1", "ⅹ1", "ｘ1", "x１", "x¹", "x₁", "x1 − x2", "x1 – x2", "x1 × x2", "x1 · x2", "x1 ÷ x2", "x1²", "½*x1", "π*x1",
    "√(x1)", "∞", "ｓｉｎ(x1)", "ѕin(x1)", "sin（x1）", "x1＋x2", "x1\u200b+x2", "x1\u00a0+ x2", "x1\u2028+x2",
    "\ufeffx1", "\u202ex1", "x1\u0301", "x1\u0000", "\u0000", "\x1b[31mx1", "x1\x07", "x1\x7f", "\ud800", "x1😀",
    "٣*x1", "x1 ≤ 2", "x1 ≠ 2", "“x1”", "x1、x2", "ſin(x1)", "K",
    # parentheses, sizes, nothing at all
    "(", ")", "()", "(()", "(x1", "x1)", "((x1)", ")x1(", "sin(x1", "sin(x1))", "[x1)", "(" * 10_000,
    "(" * 10_000 + "x1" + ")" * 10_000, "(" * 500 + "x1" + ")" * 500, "-" * 1_000 + "x1",
    "sin(" * 300 + "x1" + ")" * 300, "2**" * 300 + "x1", "x1+" * 5_000 + "x1", "x1" * 900, "", " ", "\t", "\n", "+",
    "-", "*", "/", "**", ",", "x1 +", "x1 *", "* x1", "/ x1", "+ x1", "x1 + + x2", "x1 * / x2", "x1,", ",x1",
    "x1, x2", "3", "pi", "noise(1)", "where(1, 2, 3)",
    # draws and options
    "x1@", "x1@x", "x1@-1", "x1@1.5", "x1@" + "9" * 5_000, "x1@1@2", "x1?", "x1?rows", "x1?rows=", "x1?rows=x",
    "x1?rows=1", "x1?rows=-5", "x1?rows=1e3", "x1?rows=10000000000", "x1?rows=" + "9" * 5_000, "x1?rows=20&rows=20",
    "x1?row=20", "x1?rows=20;useless=2", "x1?useless=x", "x1?seed=", "x1?seed=٣", "x1@1?seed=1", "x1??rows=20",
    "x1?rows=1000000&useless=1000", "x1&rows=20", "x1?=5", "x1?&", "tent?x=1", "tent@1?seed=1",
]  # fmt: skip
