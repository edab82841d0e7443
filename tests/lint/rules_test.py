#!/usr/bin/env python3
"""Canaries: every rule must complain about what it forbids and be silent about what it allows."""

import unittest

import named_tests
import rules


def complaints(rule, text, path="target/session/login.cc"):
    return list(rule(path, text))


class CoAwait(unittest.TestCase):
    def test_the_forms_that_are_compiled_right_are_allowed(self):
        for line in [
            "co_await done.wait();",
            "const int got = co_await loop.perform(Operation::recv(fd, &byte, 1));",
            "Result<Pdu> pdu = co_await stream.read();",
            "number = co_await signals.next();",
            "totals_[i] = co_await part(i);",
            "while (busy()) co_await idle.wait();",
            "if (late) {\n  co_await sleep(1);\n}",
            "for (int i = 0; i < 3; ++i) co_await step(i);",
            "case Stage::login: co_await log_in(); break;",
            "auto awaiter = wrapped.operator co_await();",
            "// if (co_await x)",
            'log("co_await ? x : y");',
            "std::array<int, 3> a = co_await f(values[2], x);",
        ]:
            text = "Task<void> f() {\n  " + line + "\n}\n"
            self.assertEqual(complaints(rules.co_await_stands_alone, text), [], line)

    def test_the_forms_that_are_compiled_wrong_are_named(self):
        for line in [
            "if (co_await x()) return;",
            "while (co_await more()) {}",
            "switch (co_await kind()) {}",
            "int a = b ? co_await c() : d;",
            "bool a = b && co_await c();",
            "take(co_await give());",
            "Pair p{co_await one(), 2};",
            "co_await put(Chunk{1, 2});",
            "co_await run([&] { return 1; });",
            "int a = co_await b() + co_await c();",
            "co_return co_await d();",
            "int a = 1 + co_await b();",
            "for (auto x : co_await all()) use(x);",
            "f({1, 2}) + co_await y();",
        ]:
            text = "Task<void> f() {\n  " + line + "\n}\n"
            self.assertNotEqual(complaints(rules.co_await_stands_alone, text), [], line)

    def test_a_capturing_lambda_is_no_coroutine(self):
        rule = rules.coroutines_are_named_functions
        self.assertNotEqual(complaints(rule, "void f() { auto g = [&x](int a) -> Task<void> "
                                             "{ if (a) { co_await x; } }; }"), [])
        self.assertEqual(complaints(rule, "Task<void> f() { auto g = [] { return 1; }; "
                                          "co_return; }"), [])
        self.assertEqual(complaints(rule, "Task<void> f(int (&a)[3]) { a[1] = 2; co_return; }"), [])


class Folders(unittest.TestCase):
    def test_an_include_names_a_folder_below(self):
        rule = rules.include_order
        below = '#include "target/lun/command.h"\n#include "common/base/result.h"\n'
        self.assertEqual(complaints(rule, below), [])
        above = '\n#include "target/session/login.h"\n'
        self.assertEqual(complaints(rule, above, "target/lun/a.cc"),
                         [(2, "target/lun must not include target/session")])
        self.assertNotEqual(complaints(rule, '#include "login.h"\n'), [])
        self.assertNotEqual(complaints(rule, '#include "common/runtime/loop.h"\n',
                                       "common/scsi/cdb.h"), [])

    def test_the_two_ends_never_meet(self):
        self.assertNotEqual(complaints(rules.two_ends, '#include "initiator/device/device.h"\n'), [])
        self.assertEqual(complaints(rules.two_ends, '#include "target/lun/command.h"\n',
                                    "tests/contract/both.cc"), [])

    def test_only_the_runtime_says_io_uring(self):
        rule = rules.one_seam_to_the_kernel
        self.assertNotEqual(complaints(rule, "io_uring_submit(&ring);"), [])
        self.assertEqual(complaints(rule, "// io_uring_submit belongs to the loop\n"), [])
        self.assertEqual(complaints(rule, "io_uring_submit(&ring);", "common/runtime/loop.cc"), [])


class Files(unittest.TestCase):
    def test_nothing_is_left_for_later(self):
        self.assertEqual(complaints(rules.nothing_left_for_later, "a\n// TODO: b\n"),
                         [(2, "TODO left behind")])

    def test_a_file_fits_in_one_sitting(self):
        self.assertEqual(complaints(rules.fits_in_one_sitting, "\n" * 600), [])
        self.assertNotEqual(complaints(rules.fits_in_one_sitting, "\n" * 601), [])

    def test_what_is_shown_by_a_test_names_one_that_exists(self):
        table = "| what | here | shown by |\n| --- | --- | --- |\n"
        known = {"Suite.Test", "end_to_end.script"}
        say = lambda row: list(named_tests.complaints(table + row, known))
        self.assertEqual(say("| a | yes | `Suite.Test`, `end_to_end.script` |"), [])
        self.assertEqual(say("| a | no | |"), [])
        self.assertEqual(say("| a | yes | |"), [(3, "'a' names no test")])
        self.assertEqual(say("| a | no | `Suite.Other` |"), [(3, "there is no test Suite.Other")])
        self.assertEqual(list(named_tests.complaints("| what | here |\n| - | - |\n| a | yes |\n", known)), [])
        self.assertIn("end_to_end.conformance", named_tests.known_tests())
        self.assertIn("Crc32c.GivesTheExamplesOfTheRfc", named_tests.known_tests())


if __name__ == "__main__":
    unittest.main()
