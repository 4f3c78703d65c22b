"""What a measurement says about the machine and about repeated runs. Used by the bench scripts."""
import os
import statistics


def describe() -> str:
    """Processor, cores, memory and the load at the start."""
    fields = {}
    with open("/proc/cpuinfo", encoding="utf8") as file:
        for line in file:
            name, _, value = line.partition(":")
            fields.setdefault(name.strip(), value.strip())
    features = set(fields.get("flags", "").split())
    found = [f for f in ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16") if f in features]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (f"{fields.get('model name', 'processor unknown')}, {os.cpu_count()} cores, {memory:.0f} GiB, "
            f"{' '.join(found)}; load {os.getloadavg()[0]:.1f}")


def multiple_row(name: str, values: list[float], peer: list[float], unit: str) -> str:
    """One row of a table: the median, as a multiple of the peer's, and every run."""
    middle = statistics.median(values)
    runs = " ".join(f"{v:.1f}" for v in values)
    return f"| {name} | {middle:.1f} {unit} | {middle / statistics.median(peer):.2f} | {runs} |"
