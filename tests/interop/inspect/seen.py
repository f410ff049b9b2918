"""An evaluation of two samples, one of which has the model call a tool."""

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import includes
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import ToolDef


async def _look(a: int) -> str:
    return f"seen {a}"


@task
def seen(tool="look"):
    """`tool` is what the function is called that the model is offered."""
    offered = ToolDef(_look, name=tool, description="Looks somewhere.", parameters={"a": "How often."}).as_tool()
    samples = [Sample(input="three", target="three"), Sample(input=f"do:call {tool}", target="seen 1")]
    return Task(dataset=samples, solver=[use_tools(offered), generate()], scorer=includes())
