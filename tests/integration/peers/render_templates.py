"""Chat templates as transformers renders them.

render_templates.py REQUESTS.json: a list of {"template", "bos", "eos", "messages", "generation"}; prints a JSON
list of {"text"} or, where the template raises, {"error"}."""
import json
import sys

from jinja2.exceptions import TemplateError
from transformers.utils.chat_template_utils import _compile_jinja_template

answers = []
for request in json.load(open(sys.argv[1], encoding="utf8")):
    template = _compile_jinja_template(request["template"])
    try:
        text = template.render(messages=request["messages"], tools=None, documents=None,
                               add_generation_prompt=request["generation"], bos_token=request["bos"],
                               eos_token=request["eos"])
        answers.append({"text": text})
    except TemplateError as error:
        answers.append({"error": str(error)})
print(json.dumps(answers))
