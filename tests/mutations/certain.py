"""The part of the table that breaks variables of variance 0: values at points, means beside them, gradients of zero."""

from __future__ import annotations

from tests.mutations.changes import HELPERS, Mutation, Pair, rows, text

STEP = Pair("Heaviside(x)", "Max(0, x)")
ANEW = (("tests.kernels.test_zero_variance:test_three_values_of_a_step_derived_anew", ()),)
SIGN = (("tests.networks.test_zero_input:test_sign_has_no_output_and_no_gradient_there", ()),)
JUMP = (("tests.networks.test_zero_input:test_infinite_entries_can_be_asked_for", ()),)


def _certain() -> list[Mutation]:
    return [
        *rows(
            "variance 0, values and means",
            STEP,
            HELPERS,
            ANEW,
            one_factor_forgotten=text("total[chosen] *= found", "total[chosen] = found"),
            means_exchanged=text("((f, a, m1), (g, b, m2))", "((f, a, m2), (g, b, m1))"),
            what_is_infinite_passes=text(
                "infinite = np.isinf(np.ma.getdata(value))", "infinite = np.zeros(1, dtype=bool)"
            ),
        ),
        *rows(
            "variance 0, values and means",
            STEP,
            "symntk.kernels.certain:value_at",
            ANEW,
            right_side=lambda original: lambda form, x, point, dps: original(form, x, point + 1e-30, dps),
            left_side=lambda original: lambda form, x, point, dps: original(form, x, point - 1e-30, dps),
        ),
        *rows(
            "variance 0, gradients",
            STEP,
            "symntk.emit.runtime.recursion:_step",
            SIGN,
            plain_product=lambda original: lambda *kernel: original(*kernel[:4], None),
            infinite_for_every_slope=lambda original: lambda *kernel: original(*kernel[:4], True),
        ),
        *rows(
            "variance 0, gradients",
            STEP,
            "symntk.emit.runtime.recursion:_step",
            JUMP,
            zero_for_every_slope=lambda original: lambda *kernel: original(*kernel[:4], False),
        ),
    ]


CERTAIN = tuple(_certain())
