"""Writes the golden outputs beside this file: what the original implementations answer, for `lookalike-models check`.

usage: make.py ASTRONAUT.png FACE_MODEL.dat
  ASTRONAUT.png   skimage/data/astronaut.png of the scikit-image package
  FACE_MODEL.dat  dlib_face_recognition_resnet_model_v1.dat of the face_recognition_models package
Needs: pip install torch facenet-pytorch==2.6.0 dlib-bin pillow numpy (any virtual environment). Last made with
torch 2.2.2 and dlib-bin 20.0.1.

Inputs can be made again in any language: a pattern whose byte at channel c, row y, column x is
(7 x + 13 y + 29 c + floor(x y / 3)) mod 256, or every step-th pixel of the astronaut photo from (left, top) on.
Outputs are rounded to 7 significant digits.
"""
import json, pathlib, sys
import dlib, numpy, torch
from PIL import Image
from facenet_pytorch.models.mtcnn import PNet, RNet, ONet

photo = numpy.asarray(Image.open(sys.argv[1]).convert("RGB"))
here = pathlib.Path(__file__).parent


def pixels(case):
    height, width = case["height"], case["width"]
    if "step" in case:
        left, top, step = case["left"], case["top"], case["step"]
        return numpy.ascontiguousarray(photo[top : top + height * step : step, left : left + width * step : step])
    y, x, c = numpy.ogrid[:height, :width, :3]
    return ((7 * x + 13 * y + 29 * c + x * y // 3) % 256).astype("uint8")


def pattern(height, width):
    return {"height": height, "width": width}


def cut(left, top, step, height, width):
    return {"left": left, "top": top, "step": step, "height": height, "width": width}


def write(name, run, cases):
    lines = []
    for case in cases:
        outputs = {}
        for output, values in run(pixels(case)).items():
            values = numpy.asarray(values, "float32")
            outputs[output] = {"shape": list(values.shape), "values": [float(f"{v:.7g}") for v in values.ravel()]}
        lines.append(json.dumps({"input": case, "outputs": outputs}))
    (here / f"{name}.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


def torch_net(net, names):
    def run(picture):
        batch = (torch.tensor(picture).permute(2, 0, 1)[None].float() - 127.5) * 0.0078125
        with torch.no_grad():
            return dict(zip(names, (t.numpy() for t in net(batch))))

    return run


def dlib_net(path):
    model = dlib.face_recognition_model_v1(path)
    return lambda picture: {"embedding": numpy.asarray(model.compute_face_descriptor(picture))[None]}


# 31 x 45 and 30 x 36: odd and even sizes end differently where windows reach beyond the border.
write("mtcnn-pnet", torch_net(PNet(), ["boxes", "probability"]), [pattern(31, 45), cut(150, 30, 5, 30, 36)])
write("mtcnn-rnet", torch_net(RNet(), ["boxes", "probability"]), [pattern(24, 24), cut(166, 48, 5, 24, 24), cut(20, 300, 4, 24, 24)])
write("mtcnn-onet", torch_net(ONet(), ["boxes", "landmarks", "probability"]), [pattern(48, 48), cut(154, 40, 3, 48, 48), cut(20, 300, 2, 48, 48)])
write("dlib-resnet", dlib_net(sys.argv[2]), [pattern(150, 150), cut(148, 40, 1, 150, 150)])
