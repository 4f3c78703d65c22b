"""The whole path through the real binaries: a job from JSON extracts to a report, run by `foundry run`.

    pipeline_test.py BIN_DIR SOURCE_DIR [unittest arguments]
    pipeline_test.py build/dev/bin . -k killed                  only these

FOUNDRY_E2E_SEED makes the instants of the kills repeatable; each run prints its seed.
"""
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BIN = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(sys.argv[2]).resolve()
SEED = int(os.environ.get("FOUNDRY_E2E_SEED", time.time_ns() % 1_000_000))
LONGEST_RUN = 900  # seconds; a guard against hanging, not an expectation

SPEC = """\
name: e2e
output_dir: Output
profile: smoke
seed: 11
models: {{student: smollm2-135m-instruct, teachers: [extractive], soft_teacher: none}}
sources:
  - json: {extracts}
distillation: {{epochs: 1, checkpoint_every: 3, batch_size: 4, compute: float32}}
self_study: {{iterations: 1, questions_per_document: 3}}
evaluation: {{max_samples: 6}}
"""

OUTPUTS = ["enriched_data.json", "teacher_pairs.json", "best_checkpoint/adapter_model.safetensors",
           "final/adapter_config.json", "metrics.jsonl", "merged/config.json", "merged/model.safetensors",
           "self_study_results", "evaluation_results.json", "report.html"]
# What must not depend on how often a process was killed.
SAME = ["enriched_data.json", "teacher_pairs.json", "best_checkpoint/adapter_model.safetensors",
        "merged/model.safetensors"]


def digest(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Sandbox:
    """A folder with a spec, and a state folder of its own."""

    def __init__(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fe2e-"))
        self.spec = self.folder / "pipeline.yaml"
        self.spec.write_text(SPEC.format(extracts=SOURCE / "tests/data/e2e/extracts.json"))
        self.environment = {**os.environ, "FOUNDRY_HOME": str(self.folder / "state"),
                            "FOUNDRY_MODELS": os.environ.get("FOUNDRY_MODELS", str(SOURCE / "models")),
                            # OpenMP threads that spin while they wait starve the other processes.
                            "OMP_WAIT_POLICY": "passive"}

    def command(self, *arguments: str, **options) -> subprocess.CompletedProcess:
        return subprocess.run([BIN / "foundry", *arguments], env=self.environment, cwd=self.folder,
                              capture_output=True, text=True, timeout=LONGEST_RUN, **options)

    def start(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen([BIN / "foundry", *arguments], env=self.environment, cwd=self.folder,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def output(self, name: str) -> pathlib.Path:
        return self.folder / "Output" / name

    def logs(self) -> str:
        text = ""
        for log in sorted((self.folder / "state/logs").glob("*.log")):
            text += f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-30:]) + "\n"
        return text

    def half_written(self) -> list[pathlib.Path]:
        return [path for path in (self.folder / "Output").rglob("*")
                if ".partial" in path.name or ".old-" in path.name]

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def descendants(pid: int) -> dict[str, int]:
    """Name -> pid of Foundry's own programs among a process's children and theirs; one of each name."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            parents[int(entry.name)] = (int(fields[1]), os.path.basename(os.readlink(entry / "exe")))
        except OSError:
            continue
    found, generation = {}, {pid}
    while generation:
        generation = {child for child, (parent, _) in parents.items() if parent in generation}
        found |= {parents[child][1]: child for child in generation if parents[child][1].startswith("foundry-")}
    return found


class PipelineTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        print(f"seed {SEED}", flush=True)
        cls.whole = Sandbox()
        started = time.monotonic()
        cls.run_result = cls.whole.command("run", str(cls.whole.spec))
        cls.seconds = time.monotonic() - started
        print(f"the whole pipeline took {cls.seconds:.0f} s", flush=True)
        cls.reference = {}
        if cls.run_result.returncode == 0:
            cls.reference = {name: digest(cls.whole.output(name)) for name in SAME}

    @classmethod
    def tearDownClass(cls) -> None:
        cls.whole.close()

    def ended_well(self, sandbox: Sandbox, code: int, text: str) -> None:
        self.assertEqual(code, 0, f"{text}\n{sandbox.logs()}")

    def test_makes_every_output(self) -> None:
        self.ended_well(self.whole, self.run_result.returncode, self.run_result.stderr)
        for name in OUTPUTS:
            self.assertTrue(self.whole.output(name).exists(), name)
        results = json.loads(self.whole.output("evaluation_results.json").read_text())
        self.assertIn("base", json.dumps(results))
        self.assertIn("report.html", self.run_result.stdout)

    def test_nothing_half_written_is_visible(self) -> None:
        self.assertEqual(self.whole.half_written(), [])

    def test_same_command_again_does_no_work(self) -> None:
        again = self.whole.command("run", str(self.whole.spec))
        self.ended_well(self.whole, again.returncode, again.stderr)
        for name, expected in self.reference.items():
            self.assertEqual(digest(self.whole.output(name)), expected, name)

    def test_killed_processes_change_nothing(self) -> None:
        self.ended_well(self.whole, self.run_result.returncode, "the uninterrupted run failed")
        rng = random.Random(SEED)
        sandbox = Sandbox()
        self.addCleanup(sandbox.close)
        process = sandbox.start("run", str(sandbox.spec))
        hit = set()
        for _ in range(4):
            try:
                process.wait(timeout=rng.uniform(0.05, 0.3) * self.seconds)
                break
            except subprocess.TimeoutExpired:
                pass
            victims = descendants(process.pid)
            if victims:
                # Those first that were not hit yet, so that a run hits more than one kind.
                name = rng.choice(sorted(victims.keys() - hit or victims.keys()))
                hit.add(name)
                print(f"kill -9 {name}", flush=True)
                try:
                    os.kill(victims[name], signal.SIGKILL)
                except ProcessLookupError:
                    pass
        _, errors = process.communicate(timeout=LONGEST_RUN)
        self.ended_well(sandbox, process.returncode, errors)
        for name, expected in self.reference.items():
            self.assertEqual(digest(sandbox.output(name)), expected, name)

    def test_killed_command_resumes(self) -> None:
        rng = random.Random(SEED + 1)
        sandbox = Sandbox()
        self.addCleanup(sandbox.close)
        process = sandbox.start("run", str(sandbox.spec))
        try:
            process.wait(timeout=rng.uniform(0.2, 0.8) * self.seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        again = sandbox.command("run", str(sandbox.spec))
        self.ended_well(sandbox, again.returncode, again.stderr)
        for name, expected in self.reference.items():
            self.assertEqual(digest(sandbox.output(name)), expected, name)

    def test_cancelled_job_stops_and_leaves_nothing_half_written(self) -> None:
        sandbox = Sandbox()
        self.addCleanup(sandbox.close)
        services = sandbox.start("up")
        self.addCleanup(services.communicate)
        self.addCleanup(services.terminate)
        self.assertTrue(services.stdout.readline().startswith("unix:"))
        submitted = sandbox.command("submit", str(sandbox.spec))
        self.ended_well(sandbox, submitted.returncode, submitted.stderr)
        job = submitted.stdout.strip()
        # The first finished step is the event to wait for.
        while True:
            state = json.loads(sandbox.command("get", job, "-o", "json").stdout)
            if any(step.get("state") == "STATE_SUCCEEDED" for step in state["steps"]):
                break
            self.assertNotIn(state["state"], ("STATE_FAILED", "STATE_SUCCEEDED"), sandbox.logs())
        started = time.monotonic()
        cancelled = sandbox.command("cancel", job)
        self.assertEqual(cancelled.returncode, 0, cancelled.stderr)
        watched = sandbox.command("watch", job)
        self.assertEqual(watched.returncode, 1, watched.stderr)
        seconds = time.monotonic() - started
        print(f"cancelled and stopped after {seconds:.1f} s", flush=True)
        self.assertLess(seconds, 30)  # promised are 10 on a machine that has nothing else to do
        state = json.loads(sandbox.command("get", job, "-o", "json").stdout)
        self.assertEqual(state["state"], "STATE_CANCELLED")
        self.assertEqual(sandbox.half_written(), [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
