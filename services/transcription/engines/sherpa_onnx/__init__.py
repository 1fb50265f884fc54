"""sherpa-onnx: a streaming transducer of one's own, in any language, whose words come as they are said."""
