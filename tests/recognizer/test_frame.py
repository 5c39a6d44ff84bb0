"""Tables of faces: our columns, py-feat's and OpenFace 2's."""

from pathlib import Path

import numpy as np
import pytest

from facegen.arkit import ARKIT
from facegen.errors import MediaError, UsageError
from facegen.recognizer import columns as col
from facegen.recognizer.frame import FaceFrame, face_frame

# Headers as the programs write them (OpenFace 2.2 FeatureExtraction without 3-D landmarks; the
# columns of py-feat's Fex), typed from their documentation.
OPENFACE = (
    "frame, face_id, timestamp, confidence, success, gaze_0_x, gaze_0_y, gaze_0_z, gaze_1_x, "
    "gaze_1_y, gaze_1_z, gaze_angle_x, gaze_angle_y, pose_Tx, pose_Ty, pose_Tz, pose_Rx, pose_Ry, "
    "pose_Rz, " + ", ".join(f"x_{i}" for i in range(68)) + ", "
    + ", ".join(f"y_{i}" for i in range(68))
    + ", AU01_r, AU02_r, AU04_r, AU05_r, AU06_r, AU07_r, AU09_r, AU10_r, AU12_r, AU14_r, AU15_r, "
    "AU17_r, AU20_r, AU23_r, AU25_r, AU26_r, AU45_r, AU01_c, AU02_c, AU04_c, AU05_c, AU06_c, "
    "AU07_c, AU09_c, AU10_c, AU12_c, AU14_c, AU15_c, AU17_c, AU20_c, AU23_c, AU25_c, AU26_c, "
    "AU28_c, AU45_c"
)  # fmt: skip
PYFEAT = (
    ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"]
    + [f"{a}_{i}" for a in "xy" for i in range(68)]
    + ["Pitch", "Roll", "Yaw"]
    + [
        f"AU{u:02d}"
        for u in (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43)
    ]
    + ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
)


@pytest.fixture
def table() -> FaceFrame:
    rng = np.random.default_rng(1)
    rows = []
    for frame in range(4):
        row = {"input": "a.mp4", "frame": frame, "timestamp": frame / 25, "face_id": frame % 2}
        if frame != 2:  # nobody in sight
            row |= dict(zip(col.BOX, (10.0, 20.0, 50.0, 60.0, 0.9), strict=True))
            row |= dict(zip(col.EMOTIONS, rng.dirichlet(np.ones(8)), strict=True))
            row |= {"valence": 0.3, "arousal": -0.1}
            row |= {f"AU{u:02d}": float(rng.uniform()) for u in (1, 12, 28, 43)}
            row |= {"AU12_r": 3.5, "pitch": 5.0, "yaw": -20.0, "roll": 3.0}
            row |= {name: float(rng.uniform()) for name in (*ARKIT, *col.LANDMARKS)}
        rows.append(row)
    return face_frame(rows)


def test_parts_by_name(table: FaceFrame) -> None:
    assert list(table.emotions.columns) == list(col.EMOTIONS)
    assert list(table.aus.columns) == ["AU01", "AU12", "AU28", "AU43"]
    assert list(table.au_intensities.columns) == ["AU12_r"]
    assert table.blendshapes.shape == (4, 52)
    assert table.poses.shape == (4, 3)
    assert table.valence_arousal.shape == (4, 2)
    assert isinstance(table[table.frame > 1], FaceFrame)
    best = table.winners()
    assert best[2] == ""
    assert best[0] == table.emotions.iloc[0].idxmax()


def test_our_own_table_survives_a_file(table: FaceFrame, tmp_path: Path) -> None:
    table.save(tmp_path / "t.csv")
    again = FaceFrame.load(tmp_path / "t.csv")
    expected = table[[c for c in table.columns if c not in col.LANDMARKS]]
    assert list(again.columns) == list(expected.columns)
    assert np.allclose(again.emotions, expected.emotions, rtol=1e-5, equal_nan=True)
    assert list(tmp_path.iterdir()) == [tmp_path / "t.csv"]


def test_pyfeat_header_and_round_trip(table: FaceFrame, tmp_path: Path) -> None:
    table.save(tmp_path / "t.csv", "pyfeat")
    header = (tmp_path / "t.csv").read_text().splitlines()[0].split(",")
    assert header[: len(PYFEAT)] == PYFEAT
    again = FaceFrame.load(tmp_path / "t.csv")
    for part in ("faceboxes", "aus", "poses", "landmarks", "blendshapes", "valence_arousal"):
        ours = getattr(table, part)
        theirs = getattr(again, part)[list(ours.columns)]
        assert np.allclose(theirs, ours, rtol=1e-4, equal_nan=True), part
    seven = [name for name in col.EMOTIONS if name != "contempt"]
    assert np.allclose(again.emotions[seven], table.emotions[seven], rtol=1e-4, equal_nan=True)
    assert again.face_id.tolist() == table.face_id.tolist()


def test_pyfeat_2_names_its_emotions_otherwise(tmp_path: Path) -> None:
    names = ["Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust", "Anger", "Contempt"]
    head = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore", *names,
            "valence", "AU45", "mesh_x_0", "gaze_yaw", "frame"]  # fmt: skip
    values = [1, 2, 3, 4, 0.9, 0.1, 0.2, 0.05, 0.05, 0.1, 0.1, 0.1, 0.3, -0.5, 0.7, 9, 9, 0]
    path = tmp_path / "v2.csv"
    path.write_text(",".join(head) + "\n" + ",".join(map(str, values)) + "\n")
    frame = FaceFrame.load(path)
    assert frame.emotions.iloc[0].tolist() == values[5:13]
    assert frame.aus.iloc[0].tolist() == [0.7]
    assert "mesh_x_0" not in frame.columns


def test_openface_header_is_golden(table: FaceFrame, tmp_path: Path) -> None:
    table.save(tmp_path / "t.csv", "openface2")
    assert (tmp_path / "t.csv").read_text().splitlines()[0] == OPENFACE.replace(", ", ",")


def test_openface_round_trip(table: FaceFrame, tmp_path: Path) -> None:
    table.save(tmp_path / "t.csv", "openface2")
    again = FaceFrame.load(tmp_path / "t.csv")
    assert again.frame.tolist() == [0, 1, 2, 3]
    assert np.allclose(again.poses, table.poses, atol=1e-3, equal_nan=True)
    assert np.allclose(again["AU12_r"], table["AU12_r"], equal_nan=True)
    # Intensity not told comes from presence; presence comes back as 0 or 1; blinks are AU43.
    assert np.allclose(again["AU01_r"], 5 * table["AU01"], rtol=1e-4, equal_nan=True)
    closed = (table["AU43"] > 0.5).astype(float).where(table["AU43"].notna())
    assert np.allclose(again["AU45"], closed, equal_nan=True)
    assert again.iloc[2][["AU12", "x_0", "pitch"]].isna().all()


def test_openface_angles_point_the_other_way() -> None:
    """OpenFace looks along +z with y down: pitch keeps its sign, yaw and roll change it."""
    from facegen.recognizer.table_styles import to_openface

    for k, sign in enumerate((1, -1, -1)):
        angles = [0.0, 0.0, 0.0]
        angles[k] = 10.0
        row = {"frame": 0, "face_id": 0} | dict(zip(col.POSE, angles, strict=True))
        told = to_openface(face_frame([row]))[["pose_Rx", "pose_Ry", "pose_Rz"]].iloc[0]
        expected = np.zeros(3)
        expected[k] = sign * np.radians(10)
        assert np.allclose(told.to_numpy(float), expected)


def test_openface_files_with_spaced_names_open(tmp_path: Path) -> None:
    path = tmp_path / "of.csv"
    values = ["1", "0", "0.0", "0.98", "1"] + ["0.1"] * (len(OPENFACE.split(", ")) - 5)
    path.write_text(OPENFACE + "\n" + ", ".join(values) + "\n")
    frame = FaceFrame.load(path)
    assert frame["AU12_r"].tolist() == [0.1]
    assert frame["AU28"].tolist() == [0.1]
    assert frame["frame"].tolist() == [0]


def test_other_tables_are_refused_in_one_line(tmp_path: Path, table: FaceFrame) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="no table of faces"):
        FaceFrame.load(tmp_path / "x.csv")
    with pytest.raises(MediaError, match="no table at"):
        FaceFrame.load(tmp_path / "y.csv")
    (tmp_path / "z.csv").write_bytes(b"")
    with pytest.raises(MediaError):
        FaceFrame.load(tmp_path / "z.csv")
    with pytest.raises(UsageError, match="openface3"):
        table.save(tmp_path / "w.csv", "openface3")
    assert not (tmp_path / "w.csv").exists()
