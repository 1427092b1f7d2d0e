"""What somebody would write without the studio: TRL's SFTTrainer over ready tensors, and nothing around it.

    python benchmarks/train_tax_bare.py SETTINGS.json OUT

SETTINGS.json is written by train_tax.py, which starts this. It prints one JSON line a step.
"""

import json
import sys
import time
from pathlib import Path


def main() -> None:
    import torch
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback, set_seed
    from trl import SFTConfig, SFTTrainer

    from datasets import Dataset

    settings, out = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    torch.set_num_threads(settings["threads"])
    set_seed(settings["seed"])

    class Tell(TrainerCallback):
        def on_step_end(self, args, state, control, **rest):  # noqa: ARG002
            print(json.dumps({"step": state.global_step, "time": time.time()}), flush=True)

    dataset = Dataset.from_list(json.loads(Path(settings["tensors"]).read_text()))
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(settings["model"], dtype=torch.float32),
        args=SFTConfig(
            output_dir=str(out),
            seed=settings["seed"],
            data_seed=settings["seed"],
            max_steps=settings["steps"],
            per_device_train_batch_size=settings["batch"],
            learning_rate=settings["learning_rate"],
            warmup_steps=settings["warmup"],
            lr_scheduler_type="cosine",
            optim="adamw_torch",
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            dataloader_pin_memory=False,
            max_length=None,
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        train_dataset=dataset,
        processing_class=AutoTokenizer.from_pretrained(settings["model"]),
        peft_config=LoraConfig(task_type="CAUSAL_LM", **settings["lora"]),
        callbacks=[Tell()],
    )
    trainer.train()
    trainer.save_model(str(out / "adapter"))


if __name__ == "__main__":
    main()
