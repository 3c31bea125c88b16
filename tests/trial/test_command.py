import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lanista.errors import UsageError
from lanista.journal import Checkpointed, Noted, Reported, Yielded
from lanista.trial import Command, Decision


def python(code: str) -> list[str]:
    """A command that runs Python code; its braces are doubled."""
    return [sys.executable, "-c", code.replace("{", "{{").replace("}", "}}")]


SEND = """
import json, os, socket
line = socket.socket(fileno=int(os.environ["LANISTA_FD"])).makefile("rw")
def send(**message):
    print(json.dumps(message), file=line, flush=True)
    if message.get("reply"):
        return json.loads(line.readline())
"""


# --- what the command is told ----------------------------------------------------------------------------------------


def test_placeholders_become_quoted_words(run, tmp_path: Path) -> None:
    command = Command('printf "%s|" {name} {lr} {number} {seed} {checkpoint} {missing} end >out', cwd=tmp_path)
    run(command, {"name": "it's; $(x)", "lr": 0.1})
    assert (tmp_path / "out").read_text() == "it's; $(x)|0.1|7|11|||end|"


def test_a_list_runs_without_a_shell(run, tmp_path: Path) -> None:
    code = "import sys, json; json.dump(sys.argv[1:], open('out', 'w'))"
    command = Command([*python(code), "x={name}", "{params}", "{{}}"], cwd=tmp_path)
    recorder = run(command, {"name": "$HOME 'a'", "flag": True, "units": [1, 2]}, metrics=())
    assert recorder.end.state == "completed"
    assert json.loads((tmp_path / "out").read_text()) == [
        *["x=$HOME 'a'", "--name", "$HOME 'a'", "--flag", "true", "--units", "[1, 2]", "{}"]
    ]


def test_all_parameters_as_flags_of_a_shell_command(run, tmp_path: Path) -> None:
    run(Command("echo {params} >out", cwd=tmp_path), {"lr": 1e-5, "opt": "a b"})
    assert (tmp_path / "out").read_text() == "--lr 1e-05 --opt a b\n"


def test_a_parameter_goes_before_a_built_in_of_its_name(run, tmp_path: Path) -> None:
    run(Command("echo {seed} {params} >out", cwd=tmp_path), {"seed": 5, "params": "mine"})
    assert (tmp_path / "out").read_text() == "5 mine\n"


def test_the_environment_holds_parameters_and_trial(run, tmp_path: Path) -> None:
    code = "import json, os; json.dump(dict(os.environ), open('out', 'w'))"
    run(
        Command(python(code), cwd=tmp_path, env={"MINE": "yes"}),
        {"lr": 0.5, "weight-decay": 0, "on": False, "units": [1]},
    )
    env = json.loads((tmp_path / "out").read_text())
    assert env["LANISTA_PARAM_LR"] == "0.5"
    assert env["LANISTA_PARAM_WEIGHT_DECAY"] == "0"
    assert env["LANISTA_PARAM_ON"] == "false"
    assert "LANISTA_PARAM_UNITS" not in env
    assert env["MINE"] == "yes"
    trial = json.loads(env["LANISTA_TRIAL"])
    assert {
        "number": 7,
        "attempt": 1,
        "seed": 11,
        "metrics": ["accuracy"],
        "resources": {"cpus": 1},
    }.items() <= trial.items()
    assert trial["directory"] == str(tmp_path / "exp" / "trials" / "7")


@pytest.mark.parametrize("template", ["python -c {code}", ["python", "-c", "{code}"]])
def test_python_is_the_one_that_runs_lanista(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    code = "import sys, os; open('out', 'w').write(sys.executable + ' ' + os.environ['PATH'])"
    run(Command(template, cwd=tmp_path), {"code": code})
    folder = str(Path(sys.executable).parent)
    executable, path = (tmp_path / "out").read_text().split()
    assert (str(Path(executable).parent), path) == (folder, f"{folder}:/usr/bin:/bin")


@pytest.mark.parametrize("mine", [True, False])
def test_a_path_that_was_chosen_stays(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mine: bool) -> None:
    chosen = f"/usr/bin:/bin:{Path(sys.executable).parent}"
    monkeypatch.setenv("PATH", "/usr/bin:/bin" if mine else chosen)
    run(Command("echo $PATH > out", cwd=tmp_path, env={"PATH": chosen} if mine else None))
    assert (tmp_path / "out").read_text().strip() == chosen


def test_a_megabyte_of_parameters_arrives(run, tmp_path: Path) -> None:
    params = {"text": "é" * 1_000_000, "x": 1}
    code = (
        SEND + "p = json.load(open(os.environ['LANISTA_PARAMS_FILE'], encoding='utf-8')); send(finish=len(p['text']))"
    )
    recorder = run(Command([*python(code), "{params_file}"]), params)
    assert recorder.end.metrics == {"accuracy": 1_000_000}


def test_a_command_line_too_long_for_the_system_says_what_to_do(run) -> None:
    recorder = run(Command("echo {text}"), {"text": "x" * 3_000_000})
    assert recorder.end.state == "failed"
    assert "the command line of 3000014 characters is longer than the system takes" in recorder.end.error
    assert "{params_file}" in recorder.end.error


def test_convert_shapes_the_file(run) -> None:
    code = SEND + "p = json.load(open(os.environ['LANISTA_PARAMS_FILE'])); send(finish=p['nested']['x'])"
    recorder = run(Command(python(code), convert=lambda params: {"nested": params}), {"x": 3})
    assert recorder.end.metrics == {"accuracy": 3}


def test_the_folder_is_the_current_one(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(Command("pwd >out"))
    assert (tmp_path / "out").read_text().strip() == str(tmp_path)


def test_a_missing_folder_is_named(run, tmp_path: Path) -> None:
    recorder = run(Command("true", cwd=tmp_path / "nowhere"))
    assert recorder.end.state == "failed"
    assert "nowhere', which is no folder" in recorder.end.error


def test_another_shell_runs_a_string(run, tmp_path: Path) -> None:
    recorder = run(Command("[[ {x} == 1 ]] && echo '{{\"finish\": 1}}' >&$LANISTA_FD", shell="/bin/bash"), {"x": 1})
    assert recorder.end.metrics == {"accuracy": 1.0}


# --- at the door -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", ["x {", "x }", "awk {}", "a {b{c}"])
def test_a_brace_that_stands_alone_is_refused(template: str) -> None:
    with pytest.raises(UsageError, match=r"belongs to no placeholder; write \{\{ or \}\} for a brace itself"):
        Command(template)


def test_an_unknown_placeholder_is_refused_with_the_nearest_name() -> None:
    command = Command("train {learning_rate} {params_file}")
    command.check(["learning_rate", "x"])
    with pytest.raises(UsageError, match=r"\{learning_rate\}, which is no parameter: did you mean \{learning_rat\}\?"):
        command.check(["learning_rat"])
    with pytest.raises(UsageError, match=r"there are \{lr\}, \{params\}"):
        Command("train {zzz}").check(["lr"])


def test_a_shell_for_a_list_is_refused() -> None:
    with pytest.raises(UsageError, match="runs without a shell"):
        Command(["train"], shell="/bin/bash")


def test_all_parameters_within_a_word_are_refused() -> None:
    with pytest.raises(UsageError, match=r"\{params\} becomes several words, but stands within '--all=\{params\}'"):
        Command(["train", "--all={params}"])


def test_an_empty_command_is_refused() -> None:
    with pytest.raises(UsageError, match="the command is empty"):
        Command("")


# --- what it says ----------------------------------------------------------------------------------------------------


def test_a_shell_script_reports_and_finishes(run) -> None:
    recorder = run(
        Command(
            """
            for i in 1 2 3; do echo '{{"report": {{"accuracy": 0.'$i'}}}}' >&$LANISTA_FD; done
            echo '{{"report": 0.5, "step": 9}}' >&$LANISTA_FD
            printf '{{"finish": 0.75}}' >&$LANISTA_FD
            """
        )
    )
    assert [(r.step, r.metrics) for r in recorder.of(Reported)] == [
        *[(1, {"accuracy": 0.1}), (2, {"accuracy": 0.2}), (3, {"accuracy": 0.3}), (9, {"accuracy": 0.5})]
    ]
    assert recorder.end.state == "completed"
    assert recorder.end.metrics == {"accuracy": 0.75}


def test_perl_reports_and_obeys_the_reply(run, stop_at) -> None:
    code = r"""
        open(my $line, "+<&=", $ENV{LANISTA_FD}) or die; $line->autoflush(1);
        for my $step (1 .. 100) {
            print $line "{\"report\": {\"accuracy\": $ENV{LANISTA_PARAM_LR}}, \"reply\": true}\n";
            my $answer = <$line>;
            if ($answer =~ /"stop"/) { print $line "{\"note\": {\"last\": $step}}\n"; exit 0 }
        }
    """
    command = Command(["perl", "-MIO::Handle", "-e", code.replace("{", "{{").replace("}", "}}")])
    recorder = run(command, {"lr": 0.25}, decide=stop_at(4))
    assert len(recorder.of(Reported)) == 4
    assert recorder.of(Reported)[0].metrics == {"accuracy": 0.25}
    assert recorder.of(Noted)[0].values == {"last": 4}
    assert (recorder.end.state, recorder.end.reason) == ("stopped", "enough")


def test_awk_finishes_with_several_metrics(run) -> None:
    program = 'BEGIN {{ print "{{\\"finish\\": {{\\"accuracy\\": " {x} * 2 ", \\"size\\": 5}}}}" }}'
    recorder = run(Command(f"awk '{program}' >&$LANISTA_FD"), {"x": 4})
    assert recorder.end.metrics == {"accuracy": 8.0, "size": 5.0}


def test_processes_below_may_connect_by_themselves(run) -> None:
    child = """
import json, os, socket
line = socket.socket(socket.AF_UNIX)
line.connect(os.environ["LANISTA_SOCKET"])
line.sendall(json.dumps({"report": 0.5, "step": 4}).encode())
"""
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    recorder = run(Command(python(code)))
    assert [r.step for r in recorder.of(Reported)] == [4]
    assert recorder.end.state == "completed"


def test_a_long_directory_still_has_a_socket(run, tmp_path: Path) -> None:
    child = "import os, socket; socket.socket(socket.AF_UNIX).connect(os.environ['LANISTA_SOCKET']); open('out', 'w')"
    recorder = run(
        Command(python(child), cwd=tmp_path), directory=str(tmp_path / ("long" * 30) / "trials" / "7"), metrics=()
    )
    assert recorder.end.state == "completed"
    assert (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("accuracy 0.9", "no JSON"),
        ("[1, 2]", "no JSON object with one of report, finish"),
        ('{"accuracy": 0.9}', "no JSON object with one of report, finish"),
        ('{"report": 1, "stpe": 3}', "of an unknown field 'stpe'"),
        ('{"report": {"accuracy": "high"}}', "metric 'accuracy' is 'high', which is no number"),
        ('{"report": {}}', "was given no metric"),
        ('{"checkpoint": "nowhere.pt"}', "nowhere.pt' does not exist"),
        ('{"note": 3}', "wrong: "),
        ('{"suggest": "x"}', "wrong: 'value'"),
    ],
)
def test_a_line_that_is_no_message_fails_the_trial(run, line: str, why: str) -> None:
    recorder = run(Command(["sh", "-c", 'echo "$1" >&3; sleep 100', "sh", line.replace("{", "{{").replace("}", "}}")]))
    assert recorder.end.state == "failed"
    assert why in recorder.end.error
    assert line in recorder.end.error


def test_nan_and_infinity_are_metrics(run) -> None:
    recorder = run(Command('echo \'{{"report": {{"accuracy": NaN}}}}\' >&3; echo \'{{"finish": -Infinity}}\' >&3'))
    assert str(recorder.of(Reported)[0].metrics["accuracy"]) == "nan"
    assert recorder.end.metrics == {"accuracy": float("-inf")}


def test_infeasible_is_no_failure(run) -> None:
    recorder = run(Command('echo \'{{"infeasible": "too big"}}\' >&3; exit 3'))
    assert (recorder.end.state, recorder.end.reason) == ("infeasible", "too big")


def test_a_command_that_says_nothing_lacks_its_metric(run) -> None:
    recorder = run(Command("true"))
    assert recorder.end.state == "failed"
    assert "the trial ended without metric 'accuracy'" in recorder.end.error


def test_a_command_may_close_its_line(run) -> None:
    recorder = run(Command("echo '{{\"finish\": 1}}' >&3; exec 3>&-; sleep 0.1"))
    assert recorder.end.metrics == {"accuracy": 1.0}


def test_replies_that_nobody_reads_are_an_error(run) -> None:
    recorder = run(Command('yes \'{{"report": 1, "reply": true}}\' >&3'))
    assert recorder.end.state == "failed"
    assert "does not read them" in recorder.end.error


# --- checkpoints -----------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_copied_and_belongs_to_its_report(run, tmp_path: Path) -> None:
    recorder = run(
        Command(
            """
            echo one >model
            echo '{{"checkpoint": "model", "step": 1, "report": 0.1, "reply": true}}' >&3; read -r reply <&3
            echo two >model; echo '{{"checkpoint": "model", "step": 2}}' >&3
            echo '{{"report": 0.2, "step": 2, "reply": true}}' >&3; read -r reply <&3
            """,
            cwd=tmp_path,
        )
    )
    first, second = recorder.of(Reported)
    assert Path(first.checkpoint).read_text() == "one\n"
    assert Path(second.checkpoint).read_text() == "two\n"
    assert (tmp_path / "model").read_text() == "two\n"


def test_a_folder_is_a_checkpoint_too(run, tmp_path: Path) -> None:
    command = Command(
        'mkdir m; echo x >m/a; echo \'{{"report": 1}}\' >&3; echo \'{{"checkpoint": "m", "step": 1}}\' >&3',
        cwd=tmp_path,
    )
    (kept,) = run(command).of(Checkpointed)
    assert (Path(kept.path) / "a").read_text() == "x\n"


def test_a_command_that_is_ended_may_leave_a_checkpoint(run, stop_at, tmp_path: Path) -> None:
    code = (
        SEND
        + """
import signal, sys, time
def save(*_):
    open("late", "w").write("state")
    os.write(3, b'{"checkpoint": "late", "step": 1}\\n')
    os._exit(0)
signal.signal(signal.SIGTERM, save)
send(report=0.5)
time.sleep(100)
"""
    )
    recorder = run(Command(python(code), cwd=tmp_path), decide=stop_at(1))
    assert Path(recorder.of(Checkpointed)[0].path).read_text() == "state"
    assert recorder.end.state == "stopped"


# --- ends ------------------------------------------------------------------------------------------------------------


def test_an_exit_code_fails_the_trial_with_the_last_lines(run, capfd: pytest.CaptureFixture[str]) -> None:
    recorder = run(
        Command("echo '{{\"finish\": 1}}' >&3; for i in $(seq 100); do echo line $i >&2; done; echo out; exit 7")
    )
    assert recorder.end.state == "failed"
    assert "exit code 7" in recorder.end.error
    assert "line 100" in recorder.end.error
    assert "line 81\n" in recorder.end.error
    assert "line 80\n" not in recorder.end.error
    captured = capfd.readouterr()
    assert captured.out == "out\n"
    assert captured.err.splitlines() == [f"line {i}" for i in range(1, 101)]


def test_the_last_lines_of_a_log_are_shown(run, tmp_path: Path) -> None:
    log = tmp_path / "exp" / "logs" / "7.log"
    log.parent.mkdir(parents=True)
    log.write_text("of an earlier attempt\n")
    kept = os.dup(1), os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        recorder = run(Command("echo to stdout; echo to stderr >&2; exit 1"))
    finally:
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
        os.close(kept[0])
        os.close(kept[1])
    assert recorder.end.error.endswith("its last output:\nto stdout\nto stderr\n")
    assert log.read_text() == "of an earlier attempt\nto stdout\nto stderr\n"


@pytest.mark.parametrize(
    ("how", "what"), [("kill -9 $$", "signal SIGKILL"), ("sh -c 'kill -SEGV $$'", "exit code 139 (signal SIGSEGV)")]
)
def test_a_signal_is_named(run, how: str, what: str) -> None:
    recorder = run(Command(how))
    assert recorder.end.state == "failed"
    assert what in recorder.end.error


def test_a_program_that_does_not_exist_is_named(run) -> None:
    recorder = run(Command(["no-such-program", "x"]))
    assert recorder.end.state == "failed"
    assert "exit code 127" in recorder.end.error
    assert "no-such-program" in recorder.end.error


@pytest.fixture
def survivors(tmp_path: Path) -> Iterator[Path]:
    """A file to which commands write the ids of the processes that they start; none may be left."""
    path = tmp_path / "pids"
    yield path
    for pid in path.read_text().split():
        for _ in range(500):  # a signal takes its time, and a zombie may never be reaped
            if not psutil.pid_exists(int(pid)) or psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE:
                break
            threading.Event().wait(0.01)
        else:
            pytest.fail(f"process {pid} is still there")


def test_no_process_is_left_after_a_good_end(run, survivors: Path) -> None:
    recorder = run(
        Command(f"sleep 100 & echo $! >>{survivors}; (trap '' TERM; sleep 100) & echo $! >>{survivors}; true"),
        metrics=(),
    )
    assert recorder.end.state == "completed"


def test_a_command_that_did_not_ask_is_ended_by_a_stop(run, stop_at, survivors: Path) -> None:
    command = Command(f"echo $$ >>{survivors}; sleep 100 & echo $! >>{survivors}; yes '{{{{\"report\": 1}}}}' >&3")
    recorder = run(command, decide=stop_at(3))
    assert len(recorder.of(Reported)) == 3
    assert (recorder.end.state, recorder.end.reason) == ("stopped", "enough")


def test_a_command_that_ignores_the_signal_is_killed(run, stop_at, survivors: Path) -> None:
    command = Command(
        f"trap '' TERM; echo $$ >>{survivors}; echo '{{{{\"report\": 1}}}}' >&3; while :; do sleep 100; done", grace=0.1
    )
    assert run(command, decide=stop_at(1)).end.state == "stopped"


def test_a_command_that_asked_and_does_not_end_is_killed(run, stop_at, survivors: Path) -> None:
    command = Command(
        f"trap '' TERM; echo $$ >>{survivors}; echo '{{{{\"report\": 1, \"reply\": true}}}}' >&3; read -r reply <&3; "
        "while :; do sleep 100; done",
        grace=0.1,
    )
    assert run(command, decide=stop_at(1)).end.state == "stopped"


def test_children_have_their_grace_when_the_shell_is_gone(run, stop_at, tmp_path: Path) -> None:
    slow = "import signal, sys, time\ndef end(*_): time.sleep(0.3); open('saved', 'w'); sys.exit()\n"
    slow += "signal.signal(signal.SIGTERM, end)\n"
    slow += "print('{{\"report\": 1}}', flush=True)\ntime.sleep(100)"
    command = Command(
        f'{sys.executable} -c "$CODE" >&3; echo never reached',
        cwd=tmp_path,
        env={"CODE": slow.replace("{{", "{").replace("}}", "}")},
    )
    run(command, decide=stop_at(1))
    assert (tmp_path / "saved").exists()


def test_a_budget_that_is_spent_pauses_the_trial(run) -> None:
    code = (
        SEND + "replies = [send(report=0.1, reply=True)['decision'] for _ in range(2)]; send(note={'replies': replies})"
    )
    recorder = run(Command(python(code)), budget=2)
    assert isinstance(recorder.events[-1], Yielded)
    assert recorder.of(Noted)[0].values == {"replies": ["continue", "yield"]}


def test_an_interrupt_leaves_no_process(run, survivors: Path) -> None:
    def interrupt(event: Reported) -> Decision:
        raise KeyboardInterrupt("by hand")

    with pytest.raises(KeyboardInterrupt, match="by hand"):
        run(Command(f"echo $$ >>{survivors}; echo '{{{{\"report\": 1}}}}' >&3; sleep 100"), decide=interrupt)


def test_no_descriptor_is_left_open(run) -> None:
    run(Command("true"))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        run(Command("echo '{{\"finish\": 1}}' >&3"))
        run(Command("echo '{{\"report\": 1' >&3"))
        run(Command("true", cwd="/nowhere"))
    assert len(os.listdir("/proc/self/fd")) == before


def test_commands_run_where_there_are_no_pidfds(run, stop_at, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    assert run(Command("echo '{{\"finish\": 1}}' >&3; exit 0")).end.metrics == {"accuracy": 1.0}
    assert run(Command("yes '{{\"report\": 1}}' >&3"), decide=stop_at(2)).end.state == "stopped"
    assert "exit code 3" in run(Command("exit 3")).end.error


def test_commands_run_side_by_side(run, tmp_path: Path) -> None:
    ends: dict[int, float] = {}

    def one(i: int) -> None:
        command = Command("echo '{{\"finish\": {x}}}' >&3")
        link = run(command, {"x": i}, number=i, directory=str(tmp_path / str(i)))  # as in a run: one for each trial
        ends[i] = link.end.metrics["accuracy"]

    threads = [threading.Thread(target=one, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends == {0: 0.0, 1: 1.0, 2: 2.0, 3: 3.0}
