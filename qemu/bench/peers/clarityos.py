"""ClarityOS's PID 1 and clarityctl, without components."""

import pathlib
import subprocess
import tempfile

PACKAGES = []
NEEDS_SHELL = False
NEEDS_OPTS = ["bin"]     # folder with init, clarityctl (static) and clarity
POWEROFF = ["clarityctl", "poweroff"]
CMDLINE = "quiet"
NOTES = ("RestartSec=0 and no start limit; standard output to null; "
         "Type=notify + Wants/After when declared, Type=simple otherwise; "
         "the plan is compiled when the image is built")


def build(img, job):
    bin_dir = pathlib.Path(job.opts["bin"])
    img.host("usr/lib/clarity/init", bin_dir / "init")
    img.symlink("init", "usr/lib/clarity/init")
    img.host("usr/bin/clarityctl", bin_dir / "clarityctl")

    with tempfile.TemporaryDirectory() as root:
        units = pathlib.Path(root, "etc/systemd/system")
        units.mkdir(parents=True)

        def unit(name, argv, after, wants):
            kind = "notify" if job.declared else "simple"
            (units / f"{name}.service").write_text(
                "[Unit]\nStartLimitIntervalSec=0\n"
                f"After={' '.join(after)}\nWants={' '.join(wants)}\n"
                f"[Service]\nType={kind}\nExecStart={' '.join(argv)}\n"
                "Restart=always\nRestartSec=0\nStandardOutput=null\n")

        unit("collector", job.collector(), [], [])
        for s in job.services:
            deps = [f"{d}.service" for d in s.deps] if job.declared else []
            unit(s.name, s.argv(), ["collector.service"] + deps, deps)
        names = ["collector"] + [s.name for s in job.services]
        (units / "default.target").write_text(
            "[Unit]\nRequires=basic.target\nAfter=basic.target\n"
            f"Wants={' '.join(n + '.service' for n in names)}\n")
        plan = pathlib.Path(root, "plan")
        subprocess.run([bin_dir / "clarity", "units", "compile", root, "-o", plan],
                       check=True)
        img.host("usr/lib/clarity/plan", plan, 0o644)
        for f in sorted(units.iterdir()):
            img.write(f"etc/systemd/system/{f.name}", f.read_text())
