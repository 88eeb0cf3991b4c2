netwright serach
