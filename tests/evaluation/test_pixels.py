"""PSNR, SSIM, gradient structure: by hand and against independent libraries."""

import numpy as np
import pytest

from facegen.evaluation.lpips import Lpips
from facegen.evaluation.pixels import Psnr, Ssim, psnr, ssim
from facegen.evaluation.regions import REGIONS, region_masks
from facegen.evaluation.structure import Structure, ms_gmsd
from tests.evaluation.faces import make_face, make_image, make_pair, scores


def flat(value, side=64):
    return np.full((side, side, 3), value, np.uint8)


def noisy(image, sigma=12, seed=1):
    noise = np.random.default_rng(seed).normal(0, sigma, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def test_psnr_by_hand():
    assert psnr(flat(100), flat(110)) == pytest.approx(28.1308, abs=1e-4)  # MSE 100
    assert psnr(flat(0), flat(255)) == 0.0
    assert psnr(flat(7), flat(7)) == 100.0


def test_psnr_counts_only_the_mask():
    pred = flat(50)
    pred[:32] = 60
    mask = np.zeros((64, 64), bool)
    mask[:32] = True
    assert psnr(pred, flat(50), mask) == pytest.approx(28.1308, abs=1e-4)
    assert psnr(pred, flat(50), ~mask) == 100.0
    assert np.isnan(psnr(pred, flat(50), mask & ~mask))


def test_ssim_by_hand():
    assert ssim(flat(90), flat(90)) == 1.0
    # Flat pictures have no structure: only the luminance term is left.
    c1 = (0.01 * 255) ** 2
    expected = (2 * 100 * 200 + c1) / (100**2 + 200**2 + c1)
    assert ssim(flat(100), flat(200)) == pytest.approx(expected, abs=1e-9)


def test_ssim_and_psnr_agree_with_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    truth = make_image()
    for sigma in (4, 20, 60):
        pred = noisy(truth, sigma)
        theirs = metrics.structural_similarity(
            pred,
            truth,
            channel_axis=-1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
        )
        assert ssim(pred, truth) == pytest.approx(theirs, abs=1e-4)
        assert psnr(pred, truth) == pytest.approx(
            metrics.peak_signal_noise_ratio(truth, pred, data_range=255), abs=1e-4
        )


def to_tensor(image):
    import torch

    return torch.from_numpy(image).permute(2, 0, 1)[None].double() / 255


def test_structure_and_ssim_agree_with_piq():
    piq = pytest.importorskip("piq")
    truth = make_image()
    for sigma in (4, 30):
        pred = noisy(truth, sigma)
        x, y = to_tensor(pred), to_tensor(truth)
        theirs = float(piq.multi_scale_gmsd(x, y, data_range=1.0))
        assert ms_gmsd(pred, truth) == pytest.approx(theirs, abs=1e-4)
        theirs = float(piq.ssim(x, y, data_range=1.0, downsample=False))
        assert ssim(pred, truth) == pytest.approx(theirs, abs=1e-4)


def test_structure_by_hand():
    assert ms_gmsd(flat(0), flat(200)) > 0  # the zero border is an edge of another strength
    edge = flat(0)
    edge[:, 32:] = 255
    assert ms_gmsd(edge, edge) == 0.0
    assert ms_gmsd(flat(0), edge) > 0.2


def test_structure_of_two_plain_pictures_by_hand():
    """Black against plain: edges stand only at the zero border, in three strengths."""
    value, tea = 200 / 255, 170 / 255**2
    total = 0.0
    for side, weight in zip((64, 32, 16, 8), (0.096, 0.596, 0.289, 0.019), strict=True):
        straight = tea / (value**2 + tea)
        corner = tea / (2 * (2 / 3 * value) ** 2 + tea)
        rim = 4 * (side - 2)
        values = [1.0] * (side**2 - rim - 4) + [straight] * rim + [corner] * 4
        total += weight * np.var(values)
    assert ms_gmsd(flat(0), flat(200)) == pytest.approx(np.sqrt(total), rel=1e-9)


def test_structure_grows_with_blur_and_noise():
    import cv2

    truth = noisy(make_image(), 10)
    blurred = [cv2.GaussianBlur(truth, (0, 0), s) for s in (0.5, 1, 2)]
    values = [ms_gmsd(b, truth) for b in blurred]
    assert values == sorted(values)
    assert values[0] > 0


def test_regions_partition_what_they_say():
    masks = region_masks(make_face(), 128)
    assert set(masks) == set(REGIONS)
    assert masks["full"].all()
    assert masks["mouth"][90, 64] and not masks["mouth"][50, 64]
    assert masks["eyes"][50, 44] and masks["eyes"][50, 84]
    assert not masks["eyes"][80, 64] and not masks["eyes"][20, 44]
    assert not (masks["face"] & masks["hair"]).any()
    assert not (masks["hair"] & masks["background"]).any()
    assert not masks["hair"][60:].any()
    assert set(region_masks(None, 128)) == {"full"}


def test_a_blemish_counts_only_in_its_region():
    truth = make_image()
    pred = truth.copy()
    pred[85:95, 60:68] ^= 64
    found = scores(Psnr(), [make_pair(pred, truth)])
    assert found["mouth"] < found["face"] < found["full"] < 100
    assert found["eyes"] == found["background"] == 100
    found = scores(Ssim(), [make_pair(pred, truth)])
    assert found["mouth"] < found["face"] < 1
    assert found["background"] == 1


def test_missing_face_is_counted_not_dropped():
    pair = make_pair()
    blind = type(pair)(**{**vars(pair), "truth_face": None})
    comparison = Psnr().begin(None)
    comparison.add(pair)
    comparison.add(blind)
    comparison.skip()
    by_part = {s.part: s for s in comparison.scores()}
    assert (by_part["full"].frames, by_part["full"].missing) == (2, 1)
    assert (by_part["mouth"].frames, by_part["mouth"].missing) == (1, 2)


def random_alexnet(seed=0):
    """Published layout: torchvision's convolutions and the lpips package's linear layers."""
    import torch

    make = torch.Generator().manual_seed(seed)
    net, heads = {}, {}
    for i, (k, conv) in enumerate(zip((0, 3, 6, 8, 10), Lpips().convs, strict=True)):
        net[f"features.{k}.weight"] = torch.randn(conv.weight.shape, generator=make) * 0.05
        net[f"features.{k}.bias"] = torch.randn(conv.bias.shape, generator=make) * 0.05
        heads[f"lin{i}.model.1.weight"] = torch.rand(1, len(conv.bias), 1, 1, generator=make)
    net["classifier.1.weight"] = torch.zeros(2, 2)
    return net, heads


def save(state, path):
    from safetensors.torch import save_file

    save_file(state, path)
    return path


def test_lpips_reads_the_published_layout(tmp_path):
    import torch

    net, heads = random_alexnet()
    a, b = save(net, tmp_path / "a.safetensors"), save(heads, tmp_path / "b.safetensors")
    lpips = Lpips.load(a, b)
    torch.save(net, tmp_path / "a.pth")
    torch.save(heads, tmp_path / "b.pth")
    again = Lpips.load(tmp_path / "b.pth", tmp_path / "a.pth")
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(2)) * 2 - 1
    assert torch.equal(lpips(x, x.flip(-1)), again(x, x.flip(-1)))
    assert torch.equal(lpips(x, x), torch.zeros(2))


@pytest.mark.parametrize("damage", ["missing", "unknown", "shape"])
def test_lpips_accounts_for_every_tensor(tmp_path, damage):
    from facegen.errors import ModelFileError

    net, heads = random_alexnet()
    if damage == "missing":
        del net["features.6.bias"]
    elif damage == "unknown":
        net["features.12.weight"] = net["features.6.bias"].clone()
    else:
        heads["lin3.model.1.weight"] = heads["lin3.model.1.weight"][:, :-1].contiguous()
    a, b = save(net, tmp_path / "a.safetensors"), save(heads, tmp_path / "b.safetensors")
    with pytest.raises(ModelFileError, match="LPIPS weights"):
        Lpips.load(a, b)


def test_lpips_by_hand():
    """One channel alive: the distance is its weight times the squared difference of features."""
    import torch

    lpips = Lpips()
    for conv in lpips.convs:
        conv.weight.data.zero_()
        conv.bias.data.zero_()
    lpips.convs[0].bias.data[:2] = torch.tensor([3.0, 4.0])
    lpips.weights[0].data[0, 0] = 2.0
    x = torch.zeros(1, 3, 64, 64)
    assert float(lpips(x, x)) == 0.0
    # Unit features (0.6, 0.8); all else equal, so a difference needs a changed input response.
    lpips.convs[0].weight.data[0, 0, 5, 5] = 1.0
    features = lpips.features(x)[0][0, :2, 0, 0]
    response = 3.0 + 0.030 / 0.458
    expected = torch.tensor([response, 4.0]) / np.hypot(response, 4.0)
    assert torch.allclose(features, expected, atol=1e-6)
    y = x.clone()
    y[:, 0] = 1.0
    other = 3.0 + 1.030 / 0.458
    change = response / np.hypot(response, 4) - other / np.hypot(other, 4)
    assert float(lpips(x, y)) == pytest.approx(2.0 * change**2, rel=1e-4)


def test_lpips_as_a_metric(tmp_path):
    """The mean over frames of the network's distance; its files are named by their hash."""
    import hashlib

    import torch

    from facegen.evaluation.catalogue import catalogue
    from facegen.evaluation.lpips import PerceptualLpips

    net, heads = random_alexnet()
    files = [save(net, tmp_path / "a.safetensors"), save(heads, tmp_path / "b.safetensors")]
    metric = PerceptualLpips(*files)
    truth = make_image(1)
    pred = noisy(truth)
    x, y = (torch.from_numpy(im).permute(2, 0, 1)[None].float() / 127.5 - 1 for im in (pred, truth))
    expected = float(Lpips.load(*files)(x, y))
    assert expected > 0
    assert scores(metric, [make_pair(pred, truth)]) == {"full": pytest.approx(expected)}
    both = scores(metric, [make_pair(pred, truth), make_pair(truth, truth)])
    assert both == {"full": pytest.approx(expected / 2)}
    digest = hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()
    assert metric.spec.components[0].sha256 == digest
    found = catalogue(lpips=files)
    assert "lpips_alex" in [m.spec.name for m in found.metrics]
    assert not any("lpips" in line for line in found.absent)


def test_lpips_agrees_with_torchmetrics(tmp_path):
    """On random convolutions and the published linear layers that torchmetrics carries."""
    import torch

    pytest.importorskip("torchvision")
    theirs = pytest.importorskip("torchmetrics.functional.image.lpips")
    torch.manual_seed(0)
    reference = theirs._LPIPS(pretrained=True, net="alex", pnet_rand=True).train(False)
    torch.save(reference.state_dict(), tmp_path / "whole.pth")
    lpips = Lpips.load(tmp_path / "whole.pth")
    x, y = torch.rand(2, 2, 3, 96, 96) * 2 - 1
    assert torch.allclose(lpips(x, y), reference(x, y).flatten(), atol=1e-4)


def test_structure_metric_is_perfect_on_itself():
    assert scores(Structure(), [make_pair(), make_pair()]) == {"full": 0.0}
