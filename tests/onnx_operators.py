"""Small ONNX graphs, each with one way to use an operator, for the tests of their translation.

`CASES` holds graphs that can be translated, `REFUSED` such as cannot. The text of a graph is that
of `onnx.parser`; its constants are drawn by a seed.
"""

import zlib

import numpy as np
import onnx
import onnx.parser

Shape = tuple[int, ...]


def case(
    text: str, shape: Shape, opset: int = 17, batch: int | str = "n", **constants: object
) -> onnx.ModelProto:
    """A model of the nodes in `text`, from `x` of a shape to `y`.

    Args:
        text: nodes, such as `y = Relu(x)`.
        shape: shape of `x`, without the batch.
        opset: version of the operators.
        batch: size or name of the batch.
        constants: name → shape of random weights, or an array.
    """
    sizes = ",".join(map(str, (batch, *shape)))
    graph = onnx.parser.parse_graph(f"g (float[{sizes}] x) => (float[{batch}] y) {{ {text} }}")
    draw = np.random.default_rng(zlib.crc32(text.encode()))
    for name, value in constants.items():
        array = (
            value
            if isinstance(value, np.ndarray)
            else draw.normal(0, 0.5, value).astype(np.float32)
        )
        graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    graph.output[0].type.tensor_type.ClearField("shape")
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=8
    )
    if opset > 19:
        model.ir_version = 10
    found = onnx.shape_inference.infer_shapes(model, data_prop=True).graph.output[0]
    model.graph.output[0].CopyFrom(found)
    return model


def integers(*values: int) -> np.ndarray:
    return np.asarray(values, np.int64)


def positive(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).uniform(0.5, 2, shape).astype(np.float32)


def number(value: float) -> np.ndarray:
    return np.asarray(value, np.float32)


IMAGE, SIGNAL, VECTOR = (3, 8, 6), (3, 16), (12,)
_UNARY = (
    *("Relu", "Sigmoid", "Tanh", "Exp", "Softplus", "Softsign", "Selu", "Elu", "LeakyRelu"),
    *("HardSigmoid", "HardSwish", "Neg", "Identity"),
)

CASES = {
    **{kind: case(f"y = {kind}(x)", IMAGE) for kind in _UNARY},
    "Elu 0.3": case("y = Elu<alpha=0.3>(x)", VECTOR),
    "LeakyRelu 0.2": case("y = LeakyRelu<alpha=0.2>(x)", VECTOR),
    "HardSigmoid of PyTorch": case("y = HardSigmoid<alpha=0.16666667>(x)", VECTOR),
    "Gelu": case("y = Gelu(x)", VECTOR, 20),
    "Gelu tanh": case('y = Gelu<approximate="tanh">(x)', VECTOR, 20),
    "Mish": case("y = Mish(x)", VECTOR, 18),
    "Gelu as TorchScript writes it": case(
        "a = Div(x, r) b = Erf(a) c = Add(b, one) d = Mul(x, c) y = Mul(d, half)",
        IMAGE,
        11,
        r=number(2**0.5),
        one=number(1),
        half=number(0.5),
    ),
    "Gelu with half first": case(
        "h = Mul(half, x) a = Mul(x, r) b = Erf(a) c = Add(one, b) y = Mul(h, c)",
        IMAGE,
        18,
        r=number(0.5**0.5),
        one=number(1),
        half=number(0.5),
    ),
    "Silu": case("a = Sigmoid(x) y = Mul(x, a)", IMAGE),
    "Pow": case("y = Pow(x, e)", VECTOR, e=number(3)),
    "PRelu of channels": case("y = PRelu(x, s)", IMAGE, s=(3, 1, 1)),
    "PRelu of a vector": case("y = PRelu(x, s)", VECTOR, s=(12,)),
    "PRelu of one slope": case("y = PRelu(x, s)", SIGNAL, s=number(0.3)),
    "PRelu of one negative slope": case("y = PRelu(x, s)", SIGNAL, s=number(-0.3)),
    "Clip 0 6": case("y = Clip(x, a, b)", IMAGE, a=number(0), b=number(6)),
    "Clip -1 1": case("y = Clip(x, a, b)", IMAGE, a=number(-1), b=number(1)),
    "Clip below": case("y = Clip(x, a)", IMAGE, a=number(0.2)),
    "Clip above": case("y = Clip(x, , b)", IMAGE, b=number(0.4)),
    "Max and Min": case("a = Max(x, l) y = Min(a, h)", VECTOR, l=number(-0.5), h=number(0.5)),
    "Softmax": case("y = Softmax(x)", VECTOR),
    "Softmax of channels": case("y = Softmax<axis=1>(x)", IMAGE),
    "Softmax of columns": case("y = Softmax<axis=-1>(x)", IMAGE),
    "Softmax 11": case("y = Softmax(x)", VECTOR, 11),
    "Gemm": case("y = Gemm(x, w, b)", VECTOR, w=(12, 5), b=(5,)),
    "Gemm transposed": case(
        "y = Gemm<transB=1, alpha=0.5, beta=2.0>(x, w, b)", VECTOR, w=(5, 12), b=(1, 5)
    ),
    "MatMul": case("y = MatMul(x, w)", VECTOR, w=(12, 5)),
    "MatMul and Add": case("a = MatMul(x, w) y = Add(b, a)", VECTOR, w=(12, 5), b=(5,)),
    "MatMul of each row": case("a = MatMul(x, w) y = Add(a, b)", SIGNAL, w=(16, 5), b=(5,)),
    "MatMul of an image": case("y = MatMul(x, w)", IMAGE, w=(6, 4)),
    "Conv": case("y = Conv(x, w, b)", IMAGE, w=(4, 3, 3, 2), b=(4,)),
    "Conv same": case("y = Conv<pads=[1,1,1,1]>(x, w, b)", IMAGE, w=(4, 3, 3, 3), b=(4,)),
    "Conv stride 2": case("y = Conv<pads=[1,1,1,1], strides=[2,2]>(x, w)", IMAGE, w=(4, 3, 3, 3)),
    "Conv uneven pads": case("y = Conv<pads=[0,2,1,0]>(x, w)", IMAGE, w=(4, 3, 3, 3)),
    "Conv dilated": case("y = Conv<pads=[2,2,2,2], dilations=[2,2]>(x, w)", IMAGE, w=(4, 3, 3, 3)),
    "Conv SAME_UPPER": case(
        'y = Conv<auto_pad="SAME_UPPER", strides=[2,2]>(x, w)', IMAGE, w=(4, 3, 3, 2)
    ),
    "Conv SAME_LOWER": case(
        'y = Conv<auto_pad="SAME_LOWER", strides=[2,1]>(x, w)', IMAGE, w=(4, 3, 2, 2)
    ),
    "Conv VALID": case('y = Conv<auto_pad="VALID">(x, w)', IMAGE, w=(4, 3, 2, 2)),
    "Conv depthwise": case(
        "y = Conv<group=3, pads=[1,1,1,1], strides=[2,2]>(x, w, b)",
        IMAGE,
        w=(6, 1, 3, 3),
        b=(6,),
    ),
    "Conv of two groups": case("y = Conv<group=2>(x, w, b)", (4, 6, 6), w=(6, 2, 3, 3), b=(6,)),
    "Conv of signals": case(
        "y = Conv<pads=[2,2], strides=[2]>(x, w, b)", SIGNAL, w=(4, 3, 5), b=(4,)
    ),
    "Conv of signals, depthwise": case(
        "y = Conv<group=3, pads=[1,1]>(x, w, b)", SIGNAL, w=(3, 1, 3), b=(3,)
    ),
    "Conv, bias, factor": case(
        "a = Conv(x, w) b = Add(a, c) y = Mul(b, f)",
        IMAGE,
        w=(4, 3, 3, 3),
        c=(1, 4, 1, 1),
        f=(4, 1, 1),
    ),
    "ConvTranspose": case("y = ConvTranspose(x, w, b)", IMAGE, w=(3, 4, 3, 2), b=(4,)),
    "ConvTranspose 3, 2, 1, 1": case(
        "y = ConvTranspose<strides=[2,2], pads=[1,1,1,1], output_padding=[1,1]>(x, w, b)",
        IMAGE,
        w=(3, 4, 3, 3),
        b=(4,),
    ),
    "ConvTranspose 4, 2, 1": case(
        "y = ConvTranspose<strides=[2,2], pads=[1,1,1,1]>(x, w, b)",
        IMAGE,
        w=(3, 4, 4, 4),
        b=(4,),
    ),
    "ConvTranspose 2, 2": case(
        "y = ConvTranspose<strides=[2,2]>(x, w, b)", IMAGE, w=(3, 4, 2, 2), b=(4,)
    ),
    "ConvTranspose padded at the end": case(
        "y = ConvTranspose<strides=[3,2], output_padding=[2,1]>(x, w, b)",
        IMAGE,
        w=(3, 4, 3, 3),
        b=(4,),
    ),
    "ConvTranspose with gaps": case(
        "y = ConvTranspose<strides=[3,3], output_padding=[2,0]>(x, w, b)",
        IMAGE,
        w=(3, 4, 2, 2),
        b=(4,),
    ),
    "ConvTranspose with uneven pads": case(
        "y = ConvTranspose<strides=[2,2], pads=[0,1,2,0]>(x, w, b)",
        IMAGE,
        w=(3, 4, 3, 3),
        b=(4,),
    ),
    "ConvTranspose SAME_UPPER": case(
        'y = ConvTranspose<strides=[2,2], auto_pad="SAME_UPPER">(x, w)', IMAGE, w=(3, 4, 3, 3)
    ),
    "ConvTranspose of signals": case(
        "y = ConvTranspose<strides=[2], pads=[1,1], output_padding=[1]>(x, w, b)",
        SIGNAL,
        w=(3, 4, 3),
        b=(4,),
    ),
    "ConvTranspose and bias": case(
        "a = ConvTranspose<strides=[2], pads=[1,1]>(x, w) y = Add(a, b)",
        SIGNAL,
        w=(3, 4, 4),
        b=(1, 4, 1),
    ),
    "BatchNormalization": case(
        "y = BatchNormalization<epsilon=0.01>(x, s, b, m, v)",
        IMAGE,
        s=(3,),
        b=(3,),
        m=(3,),
        v=positive(3),
    ),
    "BatchNormalization of vectors": case(
        "y = BatchNormalization(x, s, b, m, v)",
        VECTOR,
        s=(12,),
        b=(12,),
        m=(12,),
        v=positive(12),
    ),
    "BatchNormalization after Flatten": case(
        "c = Conv(x, w) f = Flatten(c) n = BatchNormalization(f, s, b, m, v) y = Gemm(n, u)",
        (1, 4, 4),
        w=(2, 1, 3, 3),
        s=(8,),
        b=(8,),
        m=(8,),
        v=positive(8),
        u=(8, 4),
    ),
    "LayerNormalization": case("y = LayerNormalization(x, s, b)", VECTOR, s=(12,), b=(12,)),
    "LayerNormalization of images": case(
        "y = LayerNormalization<axis=1>(x, s, b)", IMAGE, s=IMAGE, b=IMAGE
    ),
    "MaxPool": case("y = MaxPool<kernel_shape=[2,2], strides=[2,2]>(x)", IMAGE),
    "MaxPool padded": case(
        "a = Relu(x) y = MaxPool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]>(a)", IMAGE
    ),
    "MaxPool same": case(
        "y = MaxPool<kernel_shape=[3,3], strides=[1,1], pads=[1,1,1,1]>(x)", IMAGE
    ),
    "MaxPool ceil_mode": case(
        "y = MaxPool<kernel_shape=[2,2], strides=[2,2], ceil_mode=1>(x)", (3, 7, 5)
    ),
    "MaxPool of signals": case("y = MaxPool<kernel_shape=[3], strides=[2]>(x)", SIGNAL),
    "AveragePool": case("y = AveragePool<kernel_shape=[2,2], strides=[2,1]>(x)", IMAGE),
    "AveragePool same": case("y = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1]>(x)", IMAGE),
    "AveragePool with padding": case(
        "y = AveragePool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1], count_include_pad=1>"
        "(x)",
        IMAGE,
    ),
    "GlobalAveragePool": case("y = GlobalAveragePool(x)", IMAGE),
    "GlobalMaxPool": case("y = GlobalMaxPool(x)", SIGNAL),
    "ReduceMean": case("y = ReduceMean<axes=[2,3], keepdims=0>(x)", IMAGE),
    "ReduceMean 18": case("y = ReduceMean(x, a)", IMAGE, 18, a=integers(-1, -2)),
    "Resize nearest": case(
        'y = Resize<mode="nearest", coordinate_transformation_mode="asymmetric", '
        'nearest_mode="floor">(x, , s)',
        IMAGE,
        s=np.asarray([1, 1, 2, 3], np.float32),
    ),
    "Resize to sizes": case(
        'y = Resize<mode="nearest", coordinate_transformation_mode="asymmetric", '
        'nearest_mode="floor">(x, , , s)',
        IMAGE,
        13,
        batch=1,
        s=integers(1, 3, 16, 12),
    ),
    "Resize of TensorFlow": case(
        'y = Resize<mode="nearest", coordinate_transformation_mode="tf_half_pixel_for_nn", '
        'nearest_mode="floor">(x, roi, s)',
        IMAGE,
        11,
        roi=np.zeros(0, np.float32),
        s=np.asarray([1, 1, 2, 3], np.float32),
    ),
    "Resize linear": case(
        'y = Resize<mode="linear", coordinate_transformation_mode="half_pixel">(x, , s)',
        IMAGE,
        s=np.asarray([1, 1, 2, 2], np.float32),
    ),
    "Resize linear of PyTorch": case(
        'y = Resize<mode="linear", coordinate_transformation_mode="pytorch_half_pixel">(x, , s)',
        IMAGE,
        s=np.asarray([1, 1, 3, 2], np.float32),
    ),
    "Resize of signals": case(
        'y = Resize<mode="nearest", coordinate_transformation_mode="asymmetric", '
        'nearest_mode="floor">(x, , s)',
        SIGNAL,
        s=np.asarray([1, 1, 2], np.float32),
    ),
    "Resize linear of signals": case(
        'y = Resize<mode="linear">(x, , s)', SIGNAL, s=np.asarray([1, 1, 4], np.float32)
    ),
    "Pad": case("y = Pad(x, p)", IMAGE, p=integers(0, 0, 1, 2, 0, 0, 0, 3)),
    "Pad below 0": case("y = Pad(x, p)", IMAGE, p=integers(0, 0, -1, 2, 0, 0, 0, -3)),
    "Pad channels": case("y = Pad(x, p)", IMAGE, p=integers(0, 1, 0, 0, 0, 2, 0, 0)),
    "Pad vectors": case("y = Pad(x, p)", VECTOR, p=integers(0, 1, 0, 3)),
    "Slice": case(
        "y = Slice(x, s, e, a)",
        IMAGE,
        s=integers(1, 0),
        e=integers(7, -2),
        a=integers(2, 3),
    ),
    "Slice of the whole batch": case(
        "y = Slice(x, s, e)", VECTOR, batch=1, s=integers(0, 3), e=integers(2**31 - 1, 9)
    ),
    "Slice channels": case(
        "y = Slice(x, s, e, a)", IMAGE, s=integers(1), e=integers(99), a=integers(1)
    ),
    "Slice vectors": case(
        "y = Slice(x, s, e, a)", VECTOR, s=integers(2), e=integers(-3), a=integers(1)
    ),
    "Split": case("a, b = Split<axis=1>(x, s) y = Mul(a, b)", VECTOR, s=integers(6, 6)),
    "Split, one part used": case("a, y = Split<axis=1>(x, s)", VECTOR, s=integers(5, 7)),
    "Gather": case("y = Gather<axis=2>(x, i)", IMAGE, i=integers(-1).reshape(())),
    "Concat": case("a = Relu(x) y = Concat<axis=1>(a, x)", IMAGE),
    "Concat of rows": case("a = Relu(x) y = Concat<axis=2>(a, x)", IMAGE),
    "Concat of vectors": case("a = Relu(x) y = Concat<axis=-1>(a, x)", VECTOR),
    "Add": case("a = Relu(x) y = Add(a, x)", IMAGE),
    "Sub": case("a = Relu(x) y = Sub(a, x)", IMAGE),
    "Max": case("a = Neg(x) y = Max(a, x)", IMAGE),
    "Mul by a gate": case("a = GlobalAveragePool(x) y = Mul(x, a)", IMAGE),
    "Add a number": case("y = Add(x, c)", IMAGE, c=number(0.7)),
    "Sub from a number": case("y = Sub(c, x)", IMAGE, c=number(0.7)),
    "Mul channels": case("y = Mul(x, c)", IMAGE, c=(3, 1, 1)),
    "Div channels": case("y = Div(x, c)", VECTOR, c=positive(12)),
    "Sub from channels": case("y = Sub(c, x)", VECTOR, c=(1, 12)),
    "Flatten and Gemm": case("a = Flatten(x) y = Gemm(a, w)", IMAGE, w=(144, 5)),
    "Conv, Flatten, Gemm": case(
        "a = Conv(x, k) b = Flatten(a) y = Gemm(b, w, c)",
        IMAGE,
        k=(4, 3, 3, 3),
        w=(96, 5),
        c=(5,),
    ),
    "Conv, Flatten": case("a = Conv(x, k) y = Flatten(a)", IMAGE, k=(4, 3, 3, 3)),
    "Gemm, Reshape, ConvTranspose": case(
        "a = Gemm(x, w, b) r = Relu(a) c = Reshape(r, s) y = ConvTranspose<strides=[2,2]>(c, k)",
        VECTOR,
        w=(12, 24),
        b=(24,),
        s=integers(-1, 4, 3, 2),
        k=(4, 2, 2, 2),
    ),
    "Gemm, norm, Reshape, Conv": case(
        "a = Gemm(x, w) n = BatchNormalization(a, s, b, m, v) p = PRelu(n, q) "
        "c = Reshape(p, t) y = Conv(c, k)",
        VECTOR,
        w=(12, 24),
        s=(24,),
        b=(24,),
        m=(24,),
        v=positive(24),
        q=(24,),
        t=integers(0, 4, 6),
        k=(2, 4, 3),
    ),
    "Gemm read twice, Reshape, Conv": case(
        "a = Gemm(x, w) c = Reshape(a, t) d = Conv(c, k) f = Flatten(d) g = Gemm(a, u) "
        "y = Add(f, g)",
        VECTOR,
        w=(12, 24),
        t=integers(0, 4, 6),
        k=(2, 4, 3),
        u=(24, 8),
    ),
    "Reshape that mixes axes": case("y = Reshape(x, s)", (6, 4), s=integers(0, 8, 3)),
    "Reshape of a shape": case(
        "a = Conv(x, k) s = Shape(a) i = Constant<value_ints=[0]>() b = Gather(s, i) "
        "m = Constant<value_ints=[-1]>() t = Concat<axis=0>(b, m) f = Reshape(a, t) "
        "y = Gemm(f, w)",
        (1, 6, 6),
        14,
        k=(2, 1, 3, 3),
        w=(32, 4),
    ),
    "Transpose": case("a = Transpose<perm=[0,2,1]>(x) y = Relu(a)", SIGNAL),
    "Transpose twice": case(
        "a = Transpose<perm=[0,2,3,1]>(x) b = Relu(a) c = Transpose<perm=[0,3,1,2]>(b) "
        "y = Conv(c, k)",
        (1, 6, 6),
        k=(2, 1, 3, 3),
    ),
    "Squeeze and Unsqueeze": case(
        "a = Unsqueeze(x, i) b = Conv<pads=[1,1]>(a, k) y = Squeeze(b, i)",
        VECTOR,
        13,
        i=integers(1),
        k=(1, 1, 3),
    ),
    "Pixel shuffle": case(
        "a = Conv(x, k) b = Reshape(a, s) c = Transpose<perm=[0,1,4,2,5,3]>(b) y = Reshape(c, t)",
        IMAGE,
        k=(8, 3, 1, 1),
        s=integers(-1, 2, 2, 2, 8, 6),
        t=integers(-1, 2, 16, 12),
    ),
    "a batch of 1": case(
        "a = Conv(x, k) b = Reshape(a, s) y = Gemm(b, w)",
        (1, 6, 6),
        batch=1,
        k=(2, 1, 3, 3),
        s=integers(1, 32),
        w=(32, 4),
    ),
    "Dropout": case("y = Dropout(x)", VECTOR),
    "Cast": case("y = Cast<to=1>(x)", VECTOR),
    "tied weights": case(
        "v = Transpose<perm=[1,0]>(w) a = MatMul(x, w) y = MatMul(a, v)", VECTOR, w=(12, 5)
    ),
}

_UNEVEN = 'y = Resize<mode="linear", coordinate_transformation_mode="align_corners">(x, , s)'
#: What is refused → the model, and words of the error.
REFUSED = {
    "Sin": (case("a = Sin(x) y = Relu(a)", IMAGE), ("operator Sin (node 'a')", "Conv")),
    "opset 9": (case("y = Relu(x)", IMAGE, 9), ("opset 9", "opset_version=18")),
    "two computed factors": (
        case("a = Relu(x) y = MatMul(x, a)", (4, 4)),
        ("operator MatMul (node 'y')", "constant matrix"),
    ),
    "a batch that is moved": (
        case("y = Transpose<perm=[1,0]>(x)", VECTOR),
        ("operator Transpose (node 'y')", "batch"),
    ),
    "a batch that is mixed": (
        case("y = Reshape(x, s)", VECTOR, s=integers(-1, 4)),
        ("operator Reshape (node 'y')", "batch"),
    ),
    "align_corners": (
        case(_UNEVEN, IMAGE, s=np.asarray([1, 1, 2, 2], np.float32)),
        ("operator Resize", "align_corners=False"),
    ),
    "half a size": (
        case('y = Resize<mode="nearest">(x, , s)', IMAGE, s=np.asarray([1, 1, 0.5, 0.5], "f4")),
        ("operator Resize", "whole factors"),
    ),
    "a padded maximum": (
        case("y = MaxPool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]>(x)", IMAGE),
        ("operator MaxPool", "a ReLU before"),
    ),
    "three dimensions": (
        case("y = Conv(x, w)", (2, 4, 4, 4), w=(2, 2, 3, 3, 3)),
        ("operator Conv", "3 spatial axes"),
    ),
    "a constant for each place": (
        case("y = Add(x, c)", IMAGE, c=IMAGE),
        ("operator Add", "one a channel"),
    ),
    "groups, transposed": (
        case("y = ConvTranspose<group=3>(x, w)", IMAGE, w=(3, 1, 3, 3)),
        ("operator ConvTranspose", "groups"),
    ),
    "reflected": (
        case('y = Pad<mode="reflect">(x, p)', IMAGE, p=integers(0, 0, 1, 1, 0, 0, 1, 1)),
        ("operator Pad", "mode constant"),
    ),
    "every second value": (
        case(
            "y = Slice(x, s, e, a, t)",
            VECTOR, s=integers(0), e=integers(9), a=integers(1), t=integers(2),
        ),
        ("operator Slice", "steps of 1"),
    ),
    "float64 inside": (
        case("a = Cast<to=11>(x) b = Relu(a) y = Cast<to=1>(b)", VECTOR),
        ("'a' is float64", "allowed is float32"),
    ),
    "a gigabyte in a few bytes": (
        case(
            "a = ConstantOfShape(s) b = ReduceSum<keepdims=0>(a) y = Add(x, b)",
            VECTOR, 13, s=integers(100_000, 100_000),
        ),
        ("operator ConstantOfShape",),
    ),
}  # fmt: skip


def x_of(model: onnx.ModelProto, n: int = 3) -> np.ndarray:
    """Rows for a model's input, (n, …), of a seed; 1 row where its batch is 1."""
    dims = model.graph.input[0].type.tensor_type.shape.dim
    rows = dims[0].dim_value or n
    draw = np.random.default_rng(7)
    return draw.normal(0, 1, (rows, *(item.dim_value for item in dims[1:]))).astype(np.float32)
