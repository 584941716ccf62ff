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


def _added(x, y):
    """The sum and its rounding error."""
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


def _det(a, b, c):
    """ab - c^2 from halves of the digits, whose products are exact, whatever of it cancels."""
    (ah, bh, ch), (al, bl, cl) = zip(*((_high(x), x - _high(x)) for x in (a, b, c)))
    middle, error = _added(ah * bl, al * bh)
    middle, other = _added(middle, -2.0 * (ch * cl))
    return ((ah * bh - ch * ch) + middle) + (error + other + (al * bl - cl * cl))


def _high(x):
    """The upper half of the digits."""
    kind, digits = (torch.int64, 27) if x.dtype == torch.float64 else (torch.int32, 12)
    return (x.view(kind) & -(1 << digits)).view(x.dtype)


def _law(a, b, c):
    """The determinant of a law; NaN where no variables have it, beyond rounding."""
    a, b, c = torch.broadcast_tensors(a.detach(), b.detach(), c.detach())
    det, full = _det(a, b, c), a * b
    rounded = det >= -4096.0 * torch.finfo(det.dtype).eps * full
    return torch.where(rounded & (a >= 0.0) & (b >= 0.0), torch.clamp(det, min=0.0), float("nan"))


def _wide(x):
    """The type of what is computed once for each input: float64 where the device has it."""
    return x.dtype if x.device.type == "mps" else torch.float64


def _differentiable(value, slopes, others, least=0.0, precise=False, unbounded=False):
    """A map of (a, b, c, det, ...) with written derivatives by its arguments but det, each a function or None.

    Where a slope is infinite another stands for it: none, or that along full correlation, with d = 0 held. Of a formula
    that is 0/0 at d = 0 the limit is taken at d = `least` roundings, and an `unbounded` one that still grows there is
    infinite; a `precise` one, which cancels, is in float64.
    """

    def whole(a, b, c, det, *rest):
        if precise:
            a, b, c, det, *rest = (one.to(_wide(one)) for one in (a, b, c, det, *rest))
        if least:
            det = torch.maximum(det, (least * torch.finfo(det.dtype).eps) ** 2 * (a * b))
        return (a, b, c, det, torch.sqrt(det), *rest)

    def plain(a, b, c, det, *rest):
        shape = torch.broadcast_shapes(*(one.shape for one in (a, b, c, det)))
        found = value(*whole(a, b, c, det, *rest))
        found = torch.as_tensor(found, dtype=a.dtype, device=a.device)
        if unbounded:
            wide = torch.maximum(det, (10.0 * least * torch.finfo(a.dtype).eps) ** 2 * (a * b))
            grows = found.abs() > 5.0 * value(*whole(a, b, c, wide, *rest)).abs()
            found = torch.where((det == 0.0) & grows, torch.copysign(torch.full_like(found, torch.inf), found), found)
        return found.expand(shape)

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
            moving = a * b - c * c  # what second derivatives see
            law, found = whole(a, b, c, det + (moving - moving.detach()), *rest), []
            wanted = (*ctx.needs_input_grad[:3], *ctx.needs_input_grad[4:])
            for slope, other, given, needs in zip(slopes, others, (a, b, c, *rest), wanted):
                if slope is None or not needs:
                    found.append(None)
                    continue
                one, instead = slope(*law), grad * 0.0 if other is None else other(*law)
                exists = torch.isfinite(one) if other is None else torch.isfinite(one) & (det > 0.0)
                one = torch.where(exists, one, torch.where(torch.isfinite(instead), instead, 0.0))
                found.append((grad * one).sum_to_size(given.shape).to(given.dtype))
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
            raise ValueError(f"{name} has shape {shape}. Try: an array (n, features), for one input x[None, :]")
        if not torch.compiler.is_compiling() and not (sure := torch.isfinite(given).all(dim=1)).all():
            row = int((~sure).nonzero()[0])
            raise ValueError(f"{name} holds a value that is not finite, first in row {row}. Try: finite inputs")
    if pair[0].shape[1] != pair[-1].shape[1]:
        shapes = f"x1 has {pair[0].shape[1]} features and x2 {pair[1].shape[1]}"
        raise ValueError(f"{shapes}. Try: inputs of one width")
    return pair


def _squares(name, given, depth, like):
    """The squares of the scales of all weight layers, from one number or one for each."""
    values = torch.as_tensor(given, dtype=_wide(like), device=like.device)
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
    _asked(get, depth)
    inputs = _rows(x1, x2)
    like = inputs[0]
    weights = _squares("weight_std", weight_std, depth, like)
    shifts = _squares("bias_std", bias_std, depth, like)
    parameters = {
        name: torch.as_tensor(one, dtype=_wide(like), device=like.device) for name, one in parameters.items()
    }
    return _layers(inputs, weights, shifts, parameters, get)


def _layers(inputs, weights, shifts, parameters, get):
    """The recursion over layers; weights and shifts are squared and have one number for each.

    Variances, pairs at small angles and those beyond tables are computed in float64. The angles of the latter come from
    the inputs: from inner products they would be wrong by the root of a rounding.
    """
    first, second = inputs[0], inputs[-1]
    dtype, wide = first.dtype, _wide(first)
    marks = torch.cat([_marks(x) for x in inputs])
    ordered, order = torch.sort(marks, stable=True)
    twin = order[torch.searchsorted(ordered, marks)]
    shape = len(first), len(second)
    names = [name for name in get if name != "nngp"]

    def at(name, *law, quick=False):
        function, needs, _ = _MAPS[name]
        function = _QUICK.get(name, function) if quick else function
        return function(*law, *(parameters[one].to(law[0].dtype) for one in needs))

    def alike(variances):  # libraries compute the last digit of equal numbers by their place
        moved = (variances[twin] - variances).detach()
        return variances + torch.where(torch.abs(moved) <= 1e-4 * variances, moved, 0.0)

    def pairs(variances):
        return variances[: shape[0], None], variances[None, len(variances) - shape[1] :]

    def through(laws, cov, det, same, parallel, quick=False):
        """Kernels of pairs whose variances are known in all layers; whether angles become small on the way.

        Those that come to laws beyond a quick map's table are told.
        """
        totals, close, lost = [cov] * len(names), [], torch.zeros_like(cov, dtype=torch.bool)
        for (a, b), (c, d), weight, shift in zip(laws, laws[1:], weights[1:].to(cov.dtype), shifts[1:].to(cov.dtype)):
            values = {name: at(name, a, b, cov, det, quick=quick) for name in ("nngp", *names)}
            for name in _QUICK.keys() & values.keys() if quick else ():
                beyond = torch.isnan(values[name]) & ~torch.isnan(cov)
                values[name], lost = torch.where(beyond, 0.0, values[name]), lost | beyond
            slopes = [values[name] for name in names]
            cov = torch.where(same, 0.5 * (c + d), weight * values["nngp"] + shift)
            aligned = torch.abs(cov) >= (1.0 - 64.0 * torch.finfo(cov.dtype).eps) * (torch.sqrt(c) * torch.sqrt(d))
            det = torch.clamp(_det(*torch.broadcast_tensors(c.detach(), d.detach(), cov.detach())), min=0.0)
            det = torch.where(same | (parallel & aligned), 0.0, det)
            close.append(((det <= 3e-3 * c * d) & ~same).any())
            totals = [
                cov + _back(total, slope, weight, name) for name, total, slope in zip(names, totals, slopes)
            ]
        small = any(close[:-1]) if cov.dtype != wide and not torch.compiler.is_compiling() else False
        return (cov, *totals), lost, small

    scale = weights[0] / max(first.shape[1], 1)
    variances = [alike(torch.cat([scale * (x.to(wide) ** 2).sum(dim=1) + shifts[0] for x in inputs]))]
    for weight, shift in zip(weights[1:], shifts[1:]):
        copies = (variances[-1].view_as(variances[-1]) for _ in range(3))  # torch.compile takes each tensor once
        variances.append(alike(weight * at("nngp", *copies, torch.zeros_like(variances[-1])) + shift))
    exactly = [pairs(one) for one in variances]
    laws = [tuple(side.to(dtype) for side in one) for one in exactly]
    a, b = laws[0]
    cov = scale.to(dtype) * (first @ second.T) + shifts[0].to(dtype)
    equal = torch.eq(*pairs(marks)) & (torch.abs(cov - 0.5 * (a + b)) <= 1e-4 * a)
    cov = torch.where(equal, 0.5 * (a + b), cov)
    det = torch.clamp(_det(*torch.broadcast_tensors(a.detach(), b.detach(), cov.detach())), min=0.0)
    det = torch.where(equal, 0.0, det)
    none = torch.zeros_like(equal)
    found, lost, close = through(laws, cov, det, equal, none, quick=True)
    if close:  # in float32 the angles of deep layers would be lost
        better = scale * (first.to(wide) @ second.to(wide).T) + shifts[0]
        better = torch.where(equal, 0.5 * sum(exactly[0]), better)
        det = torch.clamp(_det(*torch.broadcast_tensors(*(one.detach() for one in (*exactly[0], better)))), min=0.0)
        found, lost, _ = through(exactly, better, torch.where(equal, 0.0, det), equal, none, quick=True)
        found = [one.to(dtype) for one in found]
    near = (det <= (1e-6 if dtype == torch.float64 else 3e-3) * a * b) & ~equal & (a * b > 0.0) | lost
    if torch.compiler.is_compiling() and not _QUICK:
        most = min(near.numel(), 8 * sum(shape) + 64)
        parts = [torch.nonzero_static(near.reshape(-1), size=most, fill_value=-1)[:, 0]]
    else:
        parts = torch.nonzero(near.reshape(-1))[:, 0].split(2**16) if near.any() else []
    for place in parts:
        i, j = place.clamp(min=0) // shape[1], place.clamp(min=0) % shape[1]
        p, q, same = first[i].to(wide), second[j].to(wide), equal[i, j]
        law = [(one[i, 0], other[0, j]) for one, other in exactly]
        cov = torch.where(same, 0.5 * sum(law[0]), scale * (p * q).sum(dim=1) + shifts[0])
        det, parallel = _angles(p, q, scale, shifts[0], law[0][0])
        values, _, _ = through(law, cov, torch.where(same, 0.0, det), same, parallel)
        place = torch.where(place < 0, near.numel(), place)  # those that fill up go behind the end
        found = [
            torch.cat([one.reshape(-1), one.new_zeros(1)]).index_put((place,), value.to(dtype))[:-1].reshape(shape)
            for one, value in zip(found, values)
        ]
    found = dict(zip(("nngp", *names), found))
    return tuple(found[name] for name in get)


def _angles(p, q, scale, shift, a):
    """The determinants of rows of p and q with the bias as one more feature, and whether they are parallel."""
    p, q, offset = (one.detach() for one in (p, q, torch.sqrt(shift.detach() / scale.detach())))
    p, q = (torch.cat([x, offset.expand(len(x), 1)], dim=1) for x in (p, q))
    square = (p * p).sum(dim=1)
    square = torch.where(square > 0.0, square, 1.0)
    share = (p * q).sum(dim=1) / square
    rest = torch.where((torch.abs(share - 1.0) < 0.1)[:, None], q - p, q)  # of near ones the difference is exact
    rest = rest - ((p * rest).sum(dim=1) / square)[:, None] * p
    square, size = (rest * rest).sum(dim=1), (q * q).sum(dim=1)
    parallel = square <= 4.0 * torch.finfo(p.dtype).eps ** 2 * p.shape[1] * size
    return torch.where(parallel, 0.0, (a * scale).detach() * square), parallel


def _back(total, slope, weight, name):
    """Total times slope and weight; no derivative passes through what is infinite, and 0 stays 0 there."""
    sure = torch.isfinite(slope) & torch.isfinite(total)
    other = slope if _MAPS[name][2] else torch.zeros_like(slope)
    other = torch.where((total == 0.0) & torch.isinf(slope), other, total * slope).detach()
    return torch.where(sure, weight * torch.where(sure, total, 0.0) * torch.where(sure, slope, 0.0), other)
'''

TARGET = ArrayTarget(
    "torch",
    _NATIVE,
    "torch.where({condition}, {yes}, {no})",
    _IMPORTS,
    Texts(_SUPPORT, _GRAM, "torch", "torch.tensor(x, dtype=a.dtype, device=a.device)"),
)
