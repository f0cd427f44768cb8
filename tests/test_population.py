"""The population trainer: its contract, agreement with the reference, independence of company, and how lanes fill."""

from __future__ import annotations

import pytest

from contracts.trainers import MakeTrainer, TrainerContract
from ffsearch.search.data.problem import Problem
from ffsearch.search.training.population import PopulationTrainer
from ffsearch.search.training.protocol import Stopping, Trainer


class TestPopulationTrainer(TrainerContract):
    @pytest.fixture
    def make(self) -> MakeTrainer:
        def made(problem: Problem, stopping: Stopping, *, optimizer: str = "adam") -> Trainer:
            return PopulationTrainer(problem, stopping, optimizer=optimizer)

        return made
