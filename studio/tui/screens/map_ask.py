"""What the Map screen asks for: what to map, words to find, where seeds go."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, cast

from studio.display import display
from studio.tui.i18n import _
from studio.tui.messages import PromptAnswered, PromptLeft
from studio.tui.screens import map_work as work
from studio.tui.screens.base import StudioScreen
from studio.tui.screens.map_messages import SeedsWritten
from studio.tui.widgets.prompt import PromptLine

if TYPE_CHECKING:
    from studio.tui.screens.map import MapScreen


class AsksForMap(StudioScreen):
    """The prompt line of the Map screen, and the way to Generate."""

    _seeds_of = 0

    @property
    def _asker(self) -> MapScreen:
        return cast("MapScreen", self)

    # Asking

    def action_new(self) -> None:
        """Ask for what to map."""
        from studio.tui.paths import PathSuggester

        opened = self.studio.opened
        path = Path(opened) if opened else None
        known = (path is not None and (path / "index.json").is_file()) or (path is not None and path.is_file())
        text = shlex.quote(opened) if known else "last" if self._has_runs() else ""
        hint = _("runs, files or folders, with blanks between them; --topics 20, --limit 5000 and --part prompt too")
        self._ask("new", _("Map of"), hint, text, PathSuggester())

    def _has_runs(self) -> bool:
        folder = self.studio.runs_dir
        return any(folder.glob("*-curate-*/index.json")) or any(folder.glob("*-generate-*/dataset"))

    def action_find(self) -> None:
        """Ask for words."""
        self._ask(
            "find", _("Find"), _("words of the records' beginnings; nothing shows all again"), self._asker.choice.words
        )

    def action_generate(self) -> None:
        """Ask where the topic's records go, as seeds."""
        topic = self._asker.topic
        if topic is None:
            self.studio.say(_("Choose a topic first: its records are the seeds."))
            return
        from studio.tui.paths import PathSuggester

        self._seeds_of = topic.number
        hint = _("a new file; the plan of a generation opens with it")
        self._ask(
            "seeds", _("Seeds of topic {n}").format(n=topic.number), hint, _free_name(topic.number), PathSuggester()
        )

    def _ask(self, prompt: str, label: str, hint: str, text: str, suggester: object = None) -> None:
        self.query_one(PromptLine).ask(prompt, label, hint=hint, text=text, suggester=suggester)  # type: ignore[arg-type]

    # Hearing

    def on_prompt_left(self, message: PromptLeft) -> None:
        """Back to where the question came from."""
        message.stop()
        self._asker.focus_again()

    def on_prompt_answered(self, message: PromptAnswered) -> None:
        """Do what was asked for."""
        message.stop()
        asker, answer = self._asker, message.answer
        asker.focus_again()
        if message.prompt == "find":
            asker.choose(words=answer)
        elif message.prompt == "seeds" and answer:
            self._seeds(Path(answer).expanduser())
        elif message.prompt == "new" and answer:
            try:
                words = shlex.split(answer)
            except ValueError:
                words = answer.split()
            runs_dir = self.studio.runs_dir
            asker.tell(_("Starting …"))
            asker.work("begin", lambda: work.begin(words, runs_dir, self))

    def _seeds(self, out: Path) -> None:
        from studio.tui.screens.runs_confirm import ConfirmScreen

        following, topic = self._asker.following, self._seeds_of
        if following is None:
            return
        path = following.path

        def write(yes: bool | None) -> None:
            if yes:
                self._asker.tell(_("Writing seeds …"))
                self._asker.work("seeds", lambda: work.write_seeds(path, topic, out.absolute(), self))

        if out.exists():
            question = _("Write over {path}?").format(path=display(str(out), limit=200))
            self.app.push_screen(ConfirmScreen(question), write)
        else:
            write(True)

    def on_seeds_written(self, message: SeedsWritten) -> None:
        """Plan a generation with them."""
        self._asker.tell("")
        said = _("{n} seeds of topic {topic} are in {path}.")
        told = said.format(n=f"{message.records:,}", topic=message.topic, path=display(message.path, limit=200))
        if message.changed:
            left = _("{n} records are no longer what was mapped, and were left out.")
            told += " " + left.format(n=f"{message.changed:,}")
        self.studio.say(told, "warning" if message.changed else "information")
        path = message.path

        def plan() -> None:
            from studio.tui.screens.generate import GenerateScreen

            if isinstance(self.app.screen, GenerateScreen):
                self.app.screen.open_plan("seeds", (path,))

        self.studio.action_go("generate")
        self.studio.call_after_refresh(plan)


def _free_name(topic: int) -> str:
    """A name that no file has here."""
    names = (f"topic-{topic}{f'-{number}' if number > 1 else ''}.jsonl" for number in range(1, 1000))
    return next((name for name in names if not Path(name).exists()), f"topic-{topic}.jsonl")
