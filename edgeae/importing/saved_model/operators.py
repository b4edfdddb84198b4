"""The operators that a SavedModel may have; all others are rejected.

Does not import TensorFlow.
"""

_WEIGHTED = """
    BatchMatMul BatchMatMulV2 BiasAdd BiasAddV1 Conv2D Conv2DBackpropInput DepthwiseConv2dNative
    Einsum FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 MatMul _FusedMatMul _FusedConv2D
"""
_POOLING = "AvgPool MaxPool MaxPoolV2 ResizeBilinear ResizeNearestNeighbor"
_ACTIVATIONS = """
    Elu LeakyRelu LogSoftmax Relu Relu6 Selu Sigmoid Softmax Softplus Softsign Tanh
"""
_ELEMENTWISE = """
    Abs Add AddN AddV2 Ceil ClipByValue Cos Div DivNoNan Equal Erf Exp Expm1 Floor FloorDiv FloorMod
    Greater GreaterEqual Inv IsFinite IsInf IsNan L2Loss Less LessEqual Log Log1p LogicalAnd
    LogicalNot LogicalOr Maximum Minimum Mul MulNoNan Neg NotEqual Pow RealDiv Reciprocal Rint Round
    Rsqrt Select SelectV2 Sign Sin Sqrt Square SquaredDifference Sub Xdivy Xlogy ZerosLike OnesLike
"""
_REDUCTIONS = "All Any ArgMax ArgMin Cumsum Max Mean Min Prod Sum"
_SHAPES = """
    BatchToSpaceND BroadcastArgs BroadcastTo Cast Concat ConcatV2 DepthToSpace DynamicStitch
    EnsureShape ExpandDims Fill Gather GatherNd GatherV2 MirrorPad OneHot Pack Pad PadV2 Range Rank
    Reshape ReverseV2 Shape ShapeN Size Slice SpaceToBatchND SpaceToDepth Split SplitV Squeeze
    StridedSlice Tile Transpose Unpack Where
"""
_PLUMBING = """
    Const DisableCopyOnRead FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars Identity IdentityN NoOp
    PartitionedCall Placeholder PlaceholderWithDefault PreventGradient ReadVariableOp Snapshot
    StatefulPartitionedCall StopGradient VarHandleOp
"""
#: Operators that the signature may run: deterministic and without side effects.
PURE = frozenset(
    " ".join(
        (_WEIGHTED, _POOLING, _ACTIVATIONS, _ELEMENTWISE, _REDUCTIONS, _SHAPES, _PLUMBING)
    ).split()
)

#: Operators with which Keras and `tf.Module` save, restore and train. An import never runs them.
_SAVER = """
    AssignVariableOp MergeV2Checkpoints RestoreV2 SaveV2 ShardedFilename StaticRegexFullMatch
    StringJoin VarIsInitializedOp
"""
_TRAINING = """
    AssignAddVariableOp AssignSubVariableOp DestroyResourceOp If Multinomial RandomStandardNormal
    RandomUniform RandomUniformInt StatelessIf StatelessRandomGetAlg StatelessRandomGetKeyCounter
    StatelessRandomGetKeyCounterAlg StatelessRandomNormalV2 StatelessRandomUniformFullIntV2
    StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessWhile TruncatedNormal While
    BitwiseXor LeftShift RightShift BitwiseAnd BitwiseOr Bitcast
"""
#: Operators that are allowed in the parts of the file that do not run.
ELSEWHERE = PURE | frozenset((_SAVER + _TRAINING).split())
