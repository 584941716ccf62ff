"""PyTorch: functions of tensors for autograd and torch.compile, in the type and on the device of their inputs."""

from __future__ import annotations

from symntk.emit.targets.arrays import ArrayTarget, Texts

_NATIVE = {
    **{name: f"torch.{name}" for name in ("sqrt", "exp", "expm1", "log", "cos", "sin", "abs", "erf", "erfc", "atan2")},
    "erfcx": "torch.special.erfcx",
}
_IMPORTS = "import torch"

_SUPPORT = '''
def _numbers(*given):
    """Tensors of one floating type and on one device, those of what is given."""
    tensors = [one for one in given if isinstance(one, torch.Tensor)]
    dtype = torch.get_default_dtype() if not tensors else tensors[0].dtype
    for one in tensors:
        dtype = torch.promote_types(dtype, one.dtype)
    dtype = torch.promote_types(dtype, torch.float32) if dtype.is_floating_point else torch.get_default_dtype()
    device = tensors[0].device if tensors else None
    return [torch.as_tensor(one, dtype=dtype, device=device) for one in given]


def _det(a, b, c):
    """ab - c^2 from upper and lower halves of the digits, whatever of it cancels."""
    if a.dtype == torch.float32:
        a, b, c = a.double(), b.double(), c.double()
        return (a * b - c * c).float()
    (ah, bh, ch), (al, bl, cl) = zip(*((_high(x), x - _high(x)) for x in (a, b, c)))
    return (ah * bh - ch * ch) + ((ah * bl + al * bh - 2.0 * (ch * cl)) + (al * bl - cl * cl))


def _high(x):
    """The upper half of the digits."""
    return (x.detach().view(torch.int64) & -(1 << 27)).view(torch.float64)


def _law(a, b, c):
    """The determinant of a law; NaN where no variables have it, beyond rounding."""
    a, b, c = torch.broadcast_tensors(a.detach(), b.detach(), c.detach())
    det, full = _det(a, b, c), a * b
    rounded = det >= -4096.0 * torch.finfo(det.dtype).eps * full
    return torch.where(rounded & (a >= 0.0) & (b >= 0.0), torch.clamp(det, min=0.0), float("nan"))


def _differentiable(value, slopes, others):
    """A map of (a, b, c, det, ...) with written derivatives by its arguments but det, each a function or None.

    Where a slope is infinite another stands for it: none, or that along full correlation, with d = 0 held.
    """

    def plain(a, b, c, det, *rest):
        shape = torch.broadcast_shapes(*(one.shape for one in (a, b, c, det)))
        found = value(a, b, c, det, torch.sqrt(det), *rest)
        return torch.as_tensor(found, dtype=a.dtype, device=a.device).expand(shape)

    class Map(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(*given):
            return plain(*given).clone()

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, grad):
            a, b, c, det, *rest = ctx.saved_tensors
            law, found = (a, b, c, det, torch.sqrt(det), *rest), []
            wanted = (*ctx.needs_input_grad[:3], *ctx.needs_input_grad[4:])
            for slope, other, given, needs in zip(slopes, others, (a, b, c, *rest), wanted):
                if slope is None or not needs:
                    found.append(None)
                    continue
                one, instead = slope(*law), grad * 0.0 if other is None else other(*law)
                one = torch.where(torch.isfinite(one), one, torch.where(torch.isfinite(instead), instead, 0.0))
                found.append((grad * one).sum_to_size(given.shape))
            return (*found[:3], None, *found[3:])

    def function(*given):
        moving = torch.is_grad_enabled() and any(one.requires_grad for one in given)
        return Map.apply(*given) if moving else plain(*given)

    return function
'''

_GRAM = '''
def _rows(x1, x2):
    """Both inputs as tensors of one floating type; one of them where the second is the first."""
    pair = _numbers(x1) if x2 is None else _numbers(x1, x2)
    for name, given in zip(("x1", "x2"), pair):
        if given.ndim != 2:
            shape = tuple(given.shape)
            raise ValueError(f"{name} has shape {shape}. Try: a tensor (n, features), for one input x[None, :]")
    if pair[0].shape[1] != pair[-1].shape[1]:
        raise ValueError(
            f"x1 has {pair[0].shape[1]} features and x2 {pair[1].shape[1]}. Try: inputs of one width"
        )
    return pair


def _squares(name, given, depth, like):
    """The squares of the scales of all weight layers, from one number or one for each."""
    values = torch.as_tensor(given, dtype=like.dtype, device=like.device)
    if values.shape not in ((), (depth,)):
        raise ValueError(f"{name} = {given!r} for {depth} weight layers. Try: a number, or {depth}: one for each")
    return values.expand(depth) ** 2


def _marks(x):
    """A number for each row, the same for equal rows, and for others with a probability of 2^-64."""
    bits = (x.detach() + 0.0).view(torch.int64 if x.dtype == torch.float64 else torch.int32).to(torch.int64)
    h = bits + 7046029254386353131 * torch.arange(1, bits.shape[1] + 1, device=x.device)
    for shift, factor in ((30, -4658895280553007687), (27, -7723592293110705685)):
        h = (h ^ (h >> shift)) * factor
    return (h ^ (h >> 31)).sum(dim=1)


def _kernels(x1, x2, get, depth, weight_std, bias_std, parameters):
    """The kernels in `get`: Sigma^L, and Theta^L with Theta^{l+1} = Sigma^{l+1} + Theta^l sigma_w^2 E[s1(u) s2(v)].

    Equal rows of x1 and x2 have covariance equal to their variance in every layer.
    """
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
        raise ValueError(f"depth = {depth!r}: it counts weight layers. Try: an integer of at least 1")
    for name in get:
        if name not in _MAPS:
            raise ValueError(f"get has {name!r}. Try: {', '.join(_MAPS)}")
    inputs = _rows(x1, x2)
    like = inputs[0]
    weights = _squares("weight_std", weight_std, depth, like)
    shifts = _squares("bias_std", bias_std, depth, like)
    parameters = {
        name: torch.as_tensor(one, dtype=like.dtype, device=like.device) for name, one in parameters.items()
    }

    def pairs(variances):
        return variances[: len(inputs[0]), None], variances[None, len(variances) - len(inputs[-1]) :]

    def at(name, a, b, c, det):
        function, needs, _ = _MAPS[name]
        return function(a, b, c, det, *(parameters[one] for one in needs))

    slopes = [name for name in get if name != "nngp"]
    scale = weights[0] / max(like.shape[1], 1)
    marks = torch.cat([_marks(x) for x in inputs])
    ordered, order = torch.sort(marks, stable=True)
    twin = order[torch.searchsorted(ordered, marks)]

    def alike(variances):  # libraries compute the last digit of equal numbers by their place
        moved = (variances[twin] - variances).detach()
        return variances + torch.where(torch.abs(moved) <= 1e-4 * variances, moved, 0.0)

    variances = alike(torch.cat([scale * (x * x).sum(dim=1) + shifts[0] for x in inputs]))
    cov = scale * (inputs[0] @ inputs[-1].T) + shifts[0]
    first, second = pairs(marks)
    middle = 0.5 * sum(pairs(variances))
    same = (first == second) & (torch.abs(cov - middle) <= 1e-4 * middle)
    cov = torch.where(same, middle, cov)
    totals = [cov] * len(slopes)
    for weight, shift in zip(weights[1:], shifts[1:]):
        a, b = pairs(variances)
        law = a, b, cov
        det = torch.where(same, 0.0, torch.clamp(_det(*(one.detach() for one in law)), min=0.0))
        copies = (variances.view_as(variances) for _ in range(3))  # torch.compile takes each tensor once
        variances = alike(weight * at("nngp", *copies, torch.zeros_like(variances)) + shift)
        for place, name in enumerate(slopes):
            slope, total = at(name, *law, det), totals[place]
            # no derivative passes through what is infinite; a total of 0 says that no gradient has come there
            sure = torch.isfinite(slope) & torch.isfinite(total)
            other = slope if _MAPS[name][2] else torch.zeros_like(slope)
            other = torch.where((total == 0.0) & torch.isinf(slope), other, total * slope).detach()
            back = weight * torch.where(sure, total, 0.0) * torch.where(sure, slope, 0.0)
            totals[place] = torch.where(sure, back, other)
        cov = torch.where(same, 0.5 * sum(pairs(variances)), weight * at("nngp", *law, det) + shift)
        totals = [cov + one for one in totals]
    found = {**dict(zip(slopes, totals)), "nngp": cov}
    return tuple(found[name] for name in get)
'''

TARGET = ArrayTarget(
    "torch",
    _NATIVE,
    "torch.where({condition}, {yes}, {no})",
    _IMPORTS,
    Texts(_SUPPORT, _GRAM, "torch", "torch.tensor(x, dtype=a.dtype, device=a.device)"),
)
