"""What PyTorch calls the types of numbers in a pickle (`module name`), and what safetensors calls them."""

from __future__ import annotations

STORAGES = {
    "torch DoubleStorage": "F64", "torch FloatStorage": "F32", "torch HalfStorage": "F16",
    "torch BFloat16Storage": "BF16", "torch LongStorage": "I64", "torch IntStorage": "I32",
    "torch ShortStorage": "I16", "torch CharStorage": "I8", "torch ByteStorage": "U8", "torch BoolStorage": "BOOL",
    "torch ComplexFloatStorage": "C64",
}
# Raw bytes: the tensor itself says its dtype.
RAW = "torch.storage UntypedStorage"
DTYPES = {
    "torch float64": "F64", "torch float32": "F32", "torch float16": "F16", "torch bfloat16": "BF16",
    "torch int64": "I64", "torch int32": "I32", "torch int16": "I16", "torch int8": "I8", "torch uint8": "U8",
    "torch uint16": "U16", "torch uint32": "U32", "torch uint64": "U64", "torch bool": "BOOL",
    "torch complex64": "C64", "torch float8_e4m3fn": "F8_E4M3", "torch float8_e5m2": "F8_E5M2",
    "torch float8_e8m0fnu": "F8_E8M0", "torch float8_e4m3fnuz": "F8_E4M3FNUZ", "torch float8_e5m2fnuz": "F8_E5M2FNUZ",
}
# Harmless, but without a name in the tensor tree: quantised, complex and packed numbers.
UNNAMED = {
    f"torch {name}" for name in (
        "QInt8Storage", "QUInt8Storage", "QInt32Storage", "QUInt4x2Storage", "QUInt2x4Storage", "ComplexDoubleStorage",
        "complex128", "complex32", "float4_e2m1fn_x2",
    )
}
