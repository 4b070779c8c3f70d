"""Renders a Helm chart with several sets of values, and holds the objects against Kubernetes' schemas.

Reads {"chart": PATH, "kubernetes": VERSION, "cases": [{"name": NAME, "values": {…}}]} from standard input, and writes
{"complaints": [TEXT], "rendered": {NAME: TEXT}, "refused": {NAME: REASON}} to standard output.
"""

import json
import sys

import kubernetes_validate
import yaml
from helm_python import HelmError
from helm_python.chart import Chart, lint

# Of the Prometheus operator, which is not Kubernetes'.
FOREIGN = {"PodMonitor", "ServiceMonitor"}


def complaints_about(name, objects, version):
    for object in objects:
        where = f"{name}: {object['kind']} {object['metadata']['name']}"
        if object["kind"] in FOREIGN:
            continue
        try:
            kubernetes_validate.validate(object, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{where}: {error.message}"
        except kubernetes_validate.SchemaNotFoundError as error:
            yield f"{where}: {error.message}"


def main():
    order = json.load(sys.stdin)
    report = lint(order["chart"], {}, strict=True)
    complaints = list(report["errors"])
    chart = Chart.load(order["chart"])
    rendered, refused = {}, {}
    for case in order["cases"]:
        name = case["name"]
        try:
            chart.validate_schema(case["values"])
            files = chart.render(case["values"], name="postmqtt", namespace="postmqtt")
        except HelmError as error:
            refused[name] = str(error)
            continue
        manifests = [text.strip() for path, text in sorted(files.items()) if path.endswith(".yaml") and text.strip()]
        rendered[name] = "\n---\n".join(manifests) + "\n"
        complaints += complaints_about(name, yaml.safe_load_all(rendered[name]), order["kubernetes"])
    json.dump({"complaints": complaints, "rendered": rendered, "refused": refused}, sys.stdout)


main()
