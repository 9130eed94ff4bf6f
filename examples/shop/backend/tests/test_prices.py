from shop.prices import cost_usd


def test_a_thousand_questions_to_the_old_model_cost_less_than_a_dollar():
    assert cost_usd("gpt-3.5-turbo", tokens_in=1000 * 200, tokens_out=1000 * 300) < 1


def test_the_largest_model_costs_most():
    assert cost_usd("claude-3-opus-20240229", 1000, 1000) > cost_usd("gpt-4o", 1000, 1000)
