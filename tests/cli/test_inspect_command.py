"""`fastcine inspect`: the table of transfer syntaxes, and a video as it will be played."""

import json

import pytest

from fastcine.cli.main import main
from fastcine.codec.registry import syntax_table


def output(capsys, *words):
    assert main(["inspect", *map(str, words)]) == 0
    return capsys.readouterr().out


def test_the_table_is_aligned_and_whole(capsys):
    head, *lines = output(capsys, "--syntaxes").splitlines()
    assert len(lines) == len(syntax_table())
    name, decoder = head.index("transfer syntax"), head.index("decoded by")
    for line, row in zip(lines, syntax_table(), strict=True):
        assert line[:name].strip() == row.syntax.uid
        assert line[name:decoder].strip() == row.syntax.name
        assert line[decoder:] == (row.decoder or f"no: {row.reason}")


def test_the_table_as_json(capsys):
    rows = {row["uid"]: row for row in json.loads(output(capsys, "--syntaxes", "--json"))}
    assert len(rows) == len(syntax_table())
    assert rows["1.2.840.10008.1.2.4.70"] == {
        "uid": "1.2.840.10008.1.2.4.70",
        "name": "JPEG Lossless (Process 14, Selection Value 1)",
        "family": "JPEG Lossless",
        "lossless": True,
        "decoder": "fastcine; imagecodecs, libjpeg-turbo for odd sampling",
        "reason": None,
    }
    jpip = rows["1.2.840.10008.1.2.4.94"]
    assert jpip["decoder"] is None and "another server" in jpip["reason"]


def test_a_video(tmp_path, capsys):
    pytest.importorskip("av")
    from tests.codec.videos import coded_video, video_object

    path = tmp_path / "video.dcm"
    video_object(path, coded_video("mpeg2video", "mpeg"), ".101")
    text = output(capsys, path)
    assert "MPEG2 Main Profile / High Level" in text and "badge AS ACQUIRED" in text and "YBR_PARTIAL_420" in text
    assert json.loads(output(capsys, path, "--json"))["frames"] == 12
