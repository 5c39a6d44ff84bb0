"""Small trees in the layouts that sets are handed out in."""

from pathlib import Path

import cv2
import numpy as np


def picture(path: Path, side: int = 12, level: int = 128) -> Path:
    """Write a grey picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((side, side, 3), level, np.uint8))
    return path


def text(path: Path, content: str) -> Path:
    """Write a text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def rafdb(root: Path) -> None:
    text(
        root / "basic/EmoLabel/list_patition_label.txt",
        "train_00001.jpg 5\ntrain_00002.jpg 4\ntest_0001.jpg 7\n",
    )
    for name in ("train_00001", "train_00002", "test_0001"):
        picture(root / f"basic/Image/aligned/{name}_aligned.jpg")


def affectnet_arrays(root: Path) -> None:
    rows = {
        "train_set": [(0, 7, 0.1, 0.2), (1, 8, -2, -2), (10, 1, 0.8, -2)],
        "val_set": [(5, 3, 0.4, 0.7)],
    }
    for part, entries in rows.items():
        for number, code, valence, arousal in entries:
            picture(root / part / "images" / f"{number}.jpg")
            folder = root / part / "annotations"
            folder.mkdir(parents=True, exist_ok=True)
            np.save(folder / f"{number}_exp.npy", np.array(str(code)))
            np.save(folder / f"{number}_val.npy", np.array(str(valence)))
            np.save(folder / f"{number}_aro.npy", np.array(arousal))


def affectnet_tables(root: Path) -> None:
    head = "subDirectory_filePath,face_x,expression,valence,arousal\n"
    text(root / "training.csv", head + "1/a.jpg,0,1,0.7,-0.1\n1/b.jpg,0,9,-2,-2\n")
    text(root / "validation.csv", head + "2/c.jpg,0,6,-0.5,0.6\n")
    for name in ("1/a", "1/b", "2/c"):
        picture(root / f"Manually_Annotated_Images/{name}.jpg")


def fer2013(root: Path) -> None:
    grey = " ".join(["7"] * 2304)
    text(
        root / "fer2013.csv",
        f"emotion,pixels,Usage\n0,{grey},Training\n3,{grey},PublicTest\n6,{grey},PrivateTest\n",
    )


def ferplus(root: Path) -> None:
    fer2013(root)
    names = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    text(
        root / "fer2013new.csv",
        f"Usage,Image name,{names}\n"
        "Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0\n"
        "PublicTest,fer0000001.png,0,8,0,0,0,0,0,0,2,0\n"
        "PrivateTest,,0,0,0,0,0,0,0,0,0,10\n",
    )


def ckplus(root: Path) -> None:
    for sequence, frames in (("S005/001", 5), ("S010/002", 4)):
        person, number = sequence.split("/")
        for frame in range(1, frames + 1):
            name = f"{person}_{number}_{frame:08d}"
            picture(root / f"cohn-kanade-images/{sequence}/{name}.png")
    stem = "S005_001_00000005"
    text(root / f"Emotion/S005/001/{stem}_emotion.txt", "   3.0000000e+00\n")
    text(
        root / f"FACS/S005/001/{stem}_facs.txt",
        "   9.0000000e+00   4.0000000e+00\n   1.7000000e+01   0.0000000e+00\n",
    )


def crema_d(root: Path) -> None:
    for name in ("1001_DFA_ANG_XX", "1002_IEO_SAD_HI", "1076_MTI_NEU_XX"):
        text(root / f"VideoFlash/{name}.flv", "flv")
    text(
        root / "processedResults/tabulatedVotes.csv",
        '"","A","D","F","H","N","S","fileName","numResponses"\n'
        '"100001",9,0,0,0,0,0,"1001_DFA_ANG_XX",9\n'
        '"200001",3,5,0,0,2,0,"1001_DFA_ANG_XX",10\n'
        '"300001",0,0,0,9,0,0,"1001_DFA_ANG_XX",9\n',
    )


def ravdess(root: Path) -> None:
    for name in ("01-01-02-01-02-01-12", "02-01-06-01-02-01-12", "03-01-06-01-02-01-12"):
        text(root / f"Actor_12/{name}.mp4", "mp4")


def dfew(root: Path) -> None:
    lists = root / "EmoLabel_DataSplit"
    text(lists / "train(single-labeled)/set_1.csv", "video_name,label\n1,6\n")
    text(lists / "test(single-labeled)/set_1.csv", "video_name,label\n23,1\n")
    for name in ("00001", "00023"):
        for frame in range(1, 4):
            picture(root / f"Clip/jpg_256/{name}/{frame}.jpg", level=40 * frame)


def ferv39k(root: Path) -> None:
    text(root / "4_setups/All_scenes/train_All.csv", "Action/Happy/0267 Happy\n")
    text(root / "4_setups/All_scenes/test_All.csv", "Crime/Fear/0001 Fear\n")
    for clip in ("Action/Happy/0267", "Crime/Fear/0001"):
        picture(root / f"2_ClipsforFaceCrop/{clip}/0.jpg")


def mafw(root: Path) -> None:
    base = root / "Train & Test Set/single/no_caption/set_1"
    text(base / "train.txt", "00025.mp4 anger\n00026.mp4 helplessness\n")
    text(base / "test.txt", "00030.mp4 contempt\n")
    for name in ("00025", "00026", "00030"):
        text(root / f"data/clips/{name}.mp4", "mp4")


def bp4d(root: Path) -> None:
    text(root / "AUCoding/AU_OCC/F001_T1.csv", "0,1,2,5,12\n17,0,9,1,1\n18,1,0,0,9\n")
    for frame in ("017", "018", "019"):
        picture(root / f"F001/T1/{frame}.jpg")


def disfa(root: Path) -> None:
    text(root / "ActionUnit_Labels/SN001/SN001_au1.txt", "1,0\n2,3\n")
    text(root / "ActionUnit_Labels/SN001/SN001_au12.txt", "1,5\n2,0\n")
    for frame in (1, 2, 3):
        picture(root / f"SN001/{frame}.jpg")


def muxspace(root: Path) -> None:
    text(
        root / "data/legend.csv",
        "user.id,image,emotion\n1,Serena_Williams_0001.jpg,ANGER\n2,Al_Gore_0002.jpg,neutral\n"
        "2,Gone_0001.jpg,fear\n",
    )
    for name in ("Serena_Williams_0001", "Al_Gore_0002"):
        picture(root / f"images/{name}.jpg")


def folder(root: Path) -> None:
    for place in (
        "train/happy/a.jpg",
        "train/Sadness/b.png",
        "test/fear/c.jpg",
        "train/notes/d.jpg",
    ):
        picture(root / place)
